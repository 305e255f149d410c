//! A spec on disk: its text, what it says, and the paths in it seen from here.

use std::path::{Component, Path, PathBuf};

use cni_plan_core::{ClusterRef, FactsWanted, digest_of};
use cni_plan_render::{Told, quoted};
use cni_plan_spec::{DoubtfulRegion, Spec, cluster_refs, doubtful_regions, parse};

use crate::change_set_files;
use crate::error::CommandError;
use crate::printer::Printer;

/// A spec that was read and has no problem of form.
pub(crate) struct SpecFile {
    /// As given.
    pub(crate) path: PathBuf,
    /// Of its bytes.
    pub(crate) digest: String,
    /// What it says.
    pub(crate) spec: Spec,
}

impl SpecFile {
    /// Reads it, and warns of what may be mistyped before anybody is asked for it; nothing is refused for that.
    pub(crate) fn read(path: &Path, printer: &Printer) -> Result<SpecFile, CommandError> {
        let bytes = std::fs::read(path).map_err(|source| CommandError::File {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        let digest = digest_of(&bytes);
        let text = String::from_utf8(bytes).map_err(|error| {
            CommandError::plain(
                format!("cannot read {}", path.display()),
                format!("it is not UTF-8 text: byte {} is not", error.utf8_error().valid_up_to()),
                "save it as UTF-8",
            )
        })?;
        if text.starts_with('{') && text.contains("\"formatVersion\"") {
            let what = format!("{} is not a spec", path.display());
            let path = quoted(&path.to_string_lossy());
            return Err(CommandError::plain(
                what,
                "it is a change set",
                format!("`cni-plan show {path}` shows it, `cni-plan apply {path}` applies it"),
            ));
        }
        change_set_files::refuse_page(path, &text)?;
        let file = SpecFile::parsed(path, digest, &text)?;
        file.doubts().iter().for_each(|doubt| printer.tell(&Told::Warning(doubt)));
        Ok(file)
    }

    /// A spec that is on no disk yet, and will be at `path`.
    pub(crate) fn of_text(path: &Path, text: &str) -> Result<SpecFile, CommandError> {
        SpecFile::parsed(path, digest_of(text.as_bytes()), text)
    }

    fn parsed(path: &Path, digest: String, text: &str) -> Result<SpecFile, CommandError> {
        let folder = folder_of(path);
        let read_beside = |name: &str| std::fs::read_to_string(folder.join(name));
        let spec = parse(&path.display().to_string(), text, &read_beside).map_err(CommandError::Spec)?;
        Ok(SpecFile { path: path.to_owned(), digest, spec })
    }

    /// What may be mistyped in it, each with its place.
    fn doubts(&self) -> Vec<String> {
        let doubtful = doubtful_regions(&self.spec).into_iter();
        let told = doubtful.map(|DoubtfulRegion { position, region, near }| {
            format!("{}:{position}: {}", self.path.display(), doubtful_region(&region, &near))
        });
        told.collect()
    }

    /// What a change set calls it: its path as given, if whoever has the same checkout finds it by that; of any other
    /// path the file's name, since the folders of one machine are nobody else's.
    pub(crate) fn name(&self) -> String {
        let plain = self.path.strip_prefix(".").unwrap_or(&self.path);
        let path = plain.to_str().filter(|path| is_plain(path)).map(|_| {
            let names = plain.components().map(|name| name.as_os_str().to_string_lossy());
            names.collect::<Vec<_>>().join("/")
        });
        path.unwrap_or_else(|| self.path.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }

    /// What is typed to plan it.
    pub(crate) fn plan_command(&self) -> String {
        format!("cni-plan plan {}", quoted(&self.path.to_string_lossy()))
    }

    /// Whether a change set that calls its spec `recorded` may be of this file: the one path ends with the other, as
    /// they do where it was made and is looked at in different folders, or says no more than a name.
    pub(crate) fn may_be(&self, recorded: &str) -> bool {
        let (here, there) = (self.path.strip_prefix(".").unwrap_or(&self.path), Path::new(recorded));
        here.ends_with(there) || there.ends_with(here)
    }

    /// How to reach its clusters: kubeconfigs are named relative to the spec there, and to the
    /// current folder here.
    pub(crate) fn clusters(&self) -> Vec<(ClusterRef, FactsWanted)> {
        let folder = folder_of(&self.path);
        let mut clusters = cluster_refs(&self.spec);
        for (cluster, _) in &mut clusters {
            if let Some(kubeconfig) = cluster.kubernetes.as_mut().and_then(|access| access.kubeconfig.as_mut()) {
                let plain = Path::new(kubeconfig.as_str()).strip_prefix(".").unwrap_or(Path::new(kubeconfig.as_str()));
                *kubeconfig = folder.join(plain).display().to_string();
            }
        }
        clusters
    }
}

/// What is told of a region that may be mistyped.
pub(crate) fn doubtful_region(region: &str, near: &str) -> String {
    format!("{region} is no region that this version knows; did you mean {near}? (a new region is fine)")
}

/// The file here that a change set's `spec` names. `None` where it says more than the way down to a file: a change set
/// comes from outside, and nobody is sent out of this folder by one.
pub(crate) fn recorded_path(spec: &str) -> Option<&Path> {
    is_plain(spec).then(|| Path::new(spec))
}

/// A hint with the path of a change set's spec in place of `SPEC`, so that it can be typed as it is. It stays as it is
/// where no such file is seen from here.
pub(crate) fn hint_of_spec(hint: &str, spec: &str) -> String {
    match recorded_path(spec).filter(|path| path.is_file()) {
        Some(_) => hint.replace("SPEC", &quoted(spec)),
        None => hint.to_owned(),
    }
}

/// Whether a path has nothing but names in it, and cannot be taken for an option.
fn is_plain(path: &str) -> bool {
    let has_only_names = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    !path.is_empty() && has_only_names && !path.starts_with('-')
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> SpecFile {
        let text = "version: 1\nclusters:\n  - name: c\n    region: us-west-2\n";
        SpecFile::of_text(Path::new(path), text).unwrap()
    }

    #[test]
    fn a_change_set_has_the_way_down_to_its_spec_and_nothing_of_the_machine() {
        for (given, recorded) in [
            ("spec.yaml", "spec.yaml"),
            ("clusters/production.yaml", "clusters/production.yaml"),
            ("./clusters//production.yaml", "clusters/production.yaml"),
            ("/home/me/clusters/production.yaml", "production.yaml"),
            ("../clusters/production.yaml", "production.yaml"),
            ("-x/production.yaml", "production.yaml"),
        ] {
            assert_eq!(of(given).name(), recorded);
            assert!(of(given).may_be(recorded), "{given}");
        }
    }

    #[test]
    fn a_recorded_path_leads_out_of_no_folder() {
        assert_eq!(recorded_path("clusters/production.yaml"), Some(Path::new("clusters/production.yaml")));
        for path in ["", "/etc/passwd", "../spec.yaml", "a/../../spec.yaml", "--sandbox"] {
            assert_eq!(recorded_path(path), None, "{path}");
        }
    }

    #[test]
    fn a_file_in_another_folder_is_another_spec() {
        assert!(of("clusters/production.yaml").may_be("production.yaml"), "planned in the folder");
        assert!(of("production.yaml").may_be("clusters/production.yaml"), "looked at in the folder");
        assert!(of("/checkout/clusters/production.yaml").may_be("clusters/production.yaml"));
        assert!(!of("staging/spec.yaml").may_be("production/spec.yaml"));
        assert!(!of("myspec.yaml").may_be("spec.yaml"));
    }
}
