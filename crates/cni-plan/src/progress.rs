//! Shows a run while it goes on: redrawn on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cni_plan_core::{Address, Event, Phase, Progress as Standing};
use cni_plan_render::{Style, event_line, inert};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::printer::Printer;

/// Shows events as they come.
pub(crate) struct Progress<'a> {
    printer: &'a Printer,
    style: Style,
    live: Option<Live>,
}

struct Live {
    bars: MultiProgress,
    shown: Mutex<Shown>,
}

/// What is on the screen.
#[derive(Default)]
struct Shown {
    total: Option<ProgressBar>,
    steps: HashMap<Address, ProgressBar>,
}

/// Often enough to look alive.
const TICK: Duration = Duration::from_millis(120);

impl<'a> Progress<'a> {
    pub(crate) fn new(printer: &'a Printer) -> Progress<'a> {
        let live = printer.live.then(|| Live { bars: MultiProgress::new(), shown: Mutex::default() });
        Progress { printer, style: printer.err, live }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        let line = event_line(event, &self.style);
        let Some(live) = &self.live else {
            if let Some(line) = line {
                self.printer.note(&line);
            }
            return;
        };
        match event {
            // A running step has a line of its own below; only what is over goes above it.
            Event::Started { .. } | Event::Progressed { .. } => {}
            _ => {
                if let Some(line) = line {
                    // Drawing can only fail with the terminal gone.
                    let _ = live.bars.println(line);
                }
            }
        }
        live.update(event);
    }
}

impl Live {
    fn update(&self, event: &Event) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Began { phase, steps } => {
                let word = match phase {
                    Phase::Apply => "applying",
                    Phase::Rollback => "rolling back",
                };
                let bar = self.bars.add(ProgressBar::new(*steps as u64));
                bar.set_style(template("{spinner} {msg} {pos}/{len}  {elapsed}"));
                bar.set_message(word);
                bar.enable_steady_tick(TICK);
                shown.total = Some(bar);
            }
            Event::Started { address, .. } => {
                let bar = ProgressBar::new_spinner();
                let bar = match &shown.total {
                    Some(total) => self.bars.insert_before(total, bar),
                    None => self.bars.add(bar),
                };
                bar.set_style(template("{spinner} {wide_msg}"));
                bar.set_message(inert(address.as_str()).into_owned());
                bar.enable_steady_tick(TICK);
                shown.steps.insert(address.clone(), bar);
            }
            Event::Progressed { address, progress } => {
                if let Some(bar) = shown.steps.get(address) {
                    bar.set_message(inert(&format!("{address}: {}", standing(progress))).into_owned());
                }
            }
            Event::Finished { address, .. } | Event::Failed { address, .. } => {
                if let Some(bar) = shown.steps.remove(address) {
                    bar.finish_and_clear();
                }
                if let Some(total) = &shown.total {
                    total.inc(1);
                }
            }
            Event::NotRecorded { .. } => {}
            Event::Ended { .. } => {
                for (_, bar) in shown.steps.drain() {
                    bar.finish_and_clear();
                }
                if let Some(total) = shown.total.take() {
                    total.finish_and_clear();
                }
            }
        }
    }
}

fn standing(progress: &Standing) -> String {
    match progress {
        Standing::Told(what) => what.clone(),
        Standing::Pods { done, total, waiting_for } if waiting_for.is_empty() => {
            format!("{done} of {total} pods Ready on it")
        }
        Standing::Pods { done, total, waiting_for } => {
            format!("{done} of {total} pods Ready on it, waiting for {waiting_for}")
        }
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar())
}
