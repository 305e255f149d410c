//! An HTTP client that knows nothing of AWS but how a credential scope looks.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use cni_plan_sandbox::Sandbox;

const FORM: &str = "application/x-www-form-urlencoded";

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Somebody with a key id.
pub(crate) struct Client {
    address: String,
    key_id: Option<String>,
}

impl Client {
    pub(crate) fn of(sandbox: &Sandbox) -> Client {
        let address = sandbox.url().trim_start_matches("http://").to_owned();
        Client { address, key_id: Some("SANDBOX111122223333".to_owned()) }
    }

    pub(crate) fn with_key(sandbox: &Sandbox, key_id: Option<&str>) -> Client {
        Client { key_id: key_id.map(str::to_owned), ..Client::of(sandbox) }
    }

    /// Calls an IAM action with parameters whose values are encoded here.
    pub(crate) fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.query("iam", "2010-05-08", action, parameters).unwrap()
    }

    pub(crate) fn sts(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.query("sts", "2011-06-15", action, parameters).unwrap()
    }

    pub(crate) fn query(
        &self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> io::Result<Answer> {
        self.send("POST", "/", service, FORM, &form_of(version, action, parameters))
    }

    /// Sends a call of IAM and returns the connection, on which the answer would come.
    pub(crate) fn begin_iam(&self, action: &str, parameters: &[(&str, &str)]) -> TcpStream {
        self.begin("POST", "/", "iam", FORM, &form_of("2010-05-08", action, parameters)).unwrap()
    }

    pub(crate) fn eks(&self, path: &str) -> Answer {
        self.send("GET", path, "eks", "application/json", "").unwrap()
    }

    pub(crate) fn eks_with(&self, method: &str, path: &str, body: &serde_json::Value) -> Answer {
        self.send(method, path, "eks", "application/json", &body.to_string()).unwrap()
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        service: &str,
        content_type: &str,
        body: &str,
    ) -> io::Result<Answer> {
        let mut stream = self.begin(method, path, service, content_type, body)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok(Answer { status: status.unwrap(), head: head.to_ascii_lowercase(), body: body.to_owned() })
    }

    fn begin(&self, method: &str, path: &str, service: &str, content_type: &str, body: &str) -> io::Result<TcpStream> {
        let authorization = self.key_id.as_ref().map_or_else(String::new, |key_id| {
            format!(
                "authorization: AWS4-HMAC-SHA256 Credential={key_id}/20261123/us-west-2/{service}/aws4_request, \
                 SignedHeaders=host, Signature=0\r\n"
            )
        });
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{authorization}content-type: \
             {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        Ok(stream)
    }
}

fn form_of(version: &str, action: &str, parameters: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", version).extend_pairs(parameters);
    form.finish()
}

impl Answer {
    /// The text of the first element of this name, as it stands in the XML.
    pub(crate) fn element(&self, name: &str) -> Option<&str> {
        self.elements(name).into_iter().next()
    }

    /// The texts of all elements of this name.
    pub(crate) fn elements(&self, name: &str) -> Vec<&str> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        self.body.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).collect()
    }

    /// Status and error code, for a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.element("Code").unwrap_or("no error code"))
    }

    /// Status and error type in small letters, for a refusal by EKS.
    pub(crate) fn eks_refusal(&self) -> (u16, String) {
        let kind = self.head.lines().find_map(|line| line.strip_prefix("x-amzn-errortype: "));
        (self.status, kind.unwrap_or("no error type").trim().to_owned())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn expect_ok(self) -> Answer {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }
}
