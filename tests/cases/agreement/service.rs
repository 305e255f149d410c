//! One account of one of the two services, spoken to as a client of AWS speaks.

use cni_plan_tests::wire::Wire;

use super::answer::Answer;
use super::script::Call;

/// The actions that are STS's; the others are IAM's.
const OF_STS: [&str; 3] = ["GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity"];
/// No list of the scripts has as many.
const MOST_PAGES: usize = 10;

pub(super) struct Account<'a> {
    wire: &'a Wire,
    number: &'a str,
}

impl Account<'_> {
    pub(super) fn new<'a>(wire: &'a Wire, number: &'a str) -> Account<'a> {
        Account { wire, number }
    }

    pub(super) fn call(&self, call: &Call) -> Answer {
        let (mut answer, mut marker) = self.call_once(call, None);
        let mut pages = 1;
        while let Some(at) = marker.filter(|_| call.is_paged && pages < MOST_PAGES) {
            let (page, next) = self.call_once(call, Some(&at));
            answer.append(page);
            (marker, pages) = (next, pages + 1);
        }
        if call.is_paged {
            answer.set_pages(pages);
        }
        answer
    }

    fn call_once(&self, call: &Call, marker: Option<&str>) -> (Answer, Option<String>) {
        let (service, version) =
            if OF_STS.contains(&call.action.as_str()) { ("sts", "2011-06-15") } else { ("iam", "2010-05-08") };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", &call.action).append_pair("Version", version).extend_pairs(&call.parameters);
        form.extend_pairs(marker.map(|marker| ("Marker", marker)));
        // The sandbox reads the account in the key id, moto in a header of its own.
        let number = self.number;
        let headers = format!(
            "authorization: AWS4-HMAC-SHA256 Credential=SANDBOX{number}/20261123/us-west-2/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\nx-moto-account-id: {number}\r\n"
        );
        let (status, body) =
            self.wire.exchange("POST", "/", "application/x-www-form-urlencoded", &headers, &form.finish());
        Answer::read(&call.action, status, &body)
    }
}
