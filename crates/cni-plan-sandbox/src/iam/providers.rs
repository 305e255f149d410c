//! OpenID Connect providers: which issuers the account takes tokens from, for which audiences.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Call, already_exists, attributes, no_such_entity, over_quota};
use crate::wire::{Failure, Xml, now};
use crate::world::{Account, OidcProvider};

const MOST_CLIENTS: usize = 100;
const MOST_THUMBPRINTS: usize = 5;
const THUMBPRINT_LENGTH: usize = 40;
/// What IAM itself fetches from the issuer when no thumbprint is sent: here, of one root for all.
const FETCHED_THUMBPRINT: &str = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280";

pub(super) fn create(account: &mut Account, call: &Call<'_>) -> Answer {
    let params = call.params;
    let url = params.required("Url")?;
    let issuer = url.strip_prefix("https://").map(|rest| rest.trim_end_matches('/'));
    let Some(issuer) = issuer.filter(|issuer| !issuer.is_empty() && url.len() <= 255) else {
        return Err(Failure::new(400, "ValidationError", "Invalid Open ID Connect Provider URL"));
    };
    let client_ids: BTreeSet<String> = params.list("ClientIDList").into_iter().map(str::to_owned).collect();
    let thumbprints = thumbprints(&params.list("ThumbprintList"))?;
    let mut tags = BTreeMap::new();
    attributes::add_tags(&mut tags, &params.tags())?;
    let arn = account.arn(&format!("oidc-provider/{issuer}"));
    if account.oidc_providers.contains_key(&arn) {
        return Err(already_exists(format!("Provider with url {url} already exists.")));
    }
    if account.oidc_providers.len() >= account.quotas.oidc_providers {
        return Err(over_quota("OpenIdConnectProvidersPerAccount", account.quotas.oidc_providers));
    }
    if client_ids.len() > MOST_CLIENTS {
        return Err(over_quota("ClientIdsPerOpenIdConnectProvider", MOST_CLIENTS));
    }
    let mut xml = Xml::new();
    xml.text("OpenIDConnectProviderArn", &arn);
    if !tags.is_empty() {
        attributes::write_tags(&mut xml, tags.iter());
    }
    let issuer = issuer.to_owned();
    let provider = OidcProvider { arn: arn.clone(), issuer, client_ids, thumbprints, create_date: now(), tags };
    account.oidc_providers.insert(arn, provider);
    Ok(xml)
}

pub(super) fn get(account: &Account, call: &Call<'_>) -> Answer {
    let provider = find(account, call)?;
    let mut xml = Xml::new();
    xml.text("Url", &provider.issuer);
    xml.list("ClientIDList", &provider.client_ids, |xml, client| xml.escape(client));
    xml.list("ThumbprintList", &provider.thumbprints, |xml, thumbprint| xml.escape(thumbprint));
    xml.text("CreateDate", &provider.create_date);
    attributes::write_tags(&mut xml, provider.tags.iter());
    Ok(xml)
}

/// The one list of IAM that is not paged.
pub(super) fn list(account: &Account, _call: &Call<'_>) -> Answer {
    let mut xml = Xml::new();
    xml.list("OpenIDConnectProviderList", account.oidc_providers.keys(), |xml, arn| {
        xml.text("Arn", arn);
    });
    Ok(xml)
}

/// Deleting one that is not there succeeds, as the API's reference says.
pub(super) fn delete(account: &mut Account, call: &Call<'_>) -> Answer {
    account.oidc_providers.remove(call.params.required("OpenIDConnectProviderArn")?);
    Ok(Xml::new())
}

/// Adding a client that is there already succeeds and changes nothing.
pub(super) fn add_client(account: &mut Account, call: &Call<'_>) -> Answer {
    let client = call.params.required("ClientID")?;
    let provider = find_mut(account, call)?;
    if provider.client_ids.len() >= MOST_CLIENTS && !provider.client_ids.contains(client) {
        return Err(over_quota("ClientIdsPerOpenIdConnectProvider", MOST_CLIENTS));
    }
    provider.client_ids.insert(client.to_owned());
    Ok(Xml::new())
}

/// Removing a client that is not there succeeds too, as IAM documents.
pub(super) fn remove_client(account: &mut Account, call: &Call<'_>) -> Answer {
    let client = call.params.required("ClientID")?;
    find_mut(account, call)?.client_ids.remove(client);
    Ok(Xml::new())
}

pub(super) fn update_thumbprints(account: &mut Account, call: &Call<'_>) -> Answer {
    let thumbprints = thumbprints(&call.params.list("ThumbprintList"))?;
    find_mut(account, call)?.thumbprints = thumbprints;
    Ok(Xml::new())
}

/// The provider a call names.
pub(super) fn find<'a>(account: &'a Account, call: &Call<'_>) -> Result<&'a OidcProvider, Failure> {
    let arn = call.params.required("OpenIDConnectProviderArn")?;
    account.oidc_providers.get(arn).ok_or_else(|| not_found(arn))
}

/// The provider a call names, to be changed.
pub(super) fn find_mut<'a>(account: &'a mut Account, call: &Call<'_>) -> Result<&'a mut OidcProvider, Failure> {
    let arn = call.params.required("OpenIDConnectProviderArn")?;
    account.oidc_providers.get_mut(arn).ok_or_else(|| not_found(arn))
}

fn not_found(arn: &str) -> Failure {
    no_such_entity(format!("OpenIDConnect Provider not found for arn {arn}"))
}

fn thumbprints(sent: &[&str]) -> Result<Vec<String>, Failure> {
    if sent.is_empty() {
        return Ok(vec![FETCHED_THUMBPRINT.to_owned()]);
    }
    if sent.len() > MOST_THUMBPRINTS {
        return Err(Failure::new(400, "InvalidInput", "Thumbprint list must contain fewer than 5 entries."));
    }
    match sent.iter().find(|thumbprint| thumbprint.len() != THUMBPRINT_LENGTH) {
        Some(wrong) => {
            let constraint = format!("Member must have length equal to {THUMBPRINT_LENGTH}");
            Err(Failure::constraint(wrong, "ThumbprintList", &constraint))
        }
        None => Ok(sent.iter().map(|thumbprint| (*thumbprint).to_owned()).collect()),
    }
}
