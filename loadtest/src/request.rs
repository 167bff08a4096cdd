//! Request bytes. They are written once, before the load; what differs between two requests is
//! patched in place, so sending costs no formatting and no allocation.

use std::net::SocketAddr;

/// A `GET` of `path`.
pub fn get(target: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {target}\r\n\r\n").into_bytes()
}

/// A `GET` of `path` that the server may hold for `wait_seconds`.
pub fn long_poll(target: SocketAddr, path: &str, wait_seconds: u32) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {target}\r\nPrefer: wait={wait_seconds}\r\n\r\n")
        .into_bytes()
}

/// A `DELETE` of `path`.
pub fn delete(target: SocketAddr, path: &str) -> Vec<u8> {
    format!("DELETE {path} HTTP/1.1\r\nHost: {target}\r\n\r\n").into_bytes()
}

/// A `POST` of `body` to `path`.
pub fn post(target: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {target}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// A `POST` of a JSON document under an idempotency key, which must need no escape.
pub fn post_json_once(target: SocketAddr, path: &str, key: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {target}\r\nContent-Type: application/json\r\n\
         Idempotency-Key: \"{key}\"\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A `POST` of a JSON document.
pub fn post_json(target: SocketAddr, path: &str, body: &str) -> Vec<u8> {
    post(target, path, "application/json", body.as_bytes())
}

/// A request with its body known apart, so that parts of the body can be patched.
#[derive(Clone, Debug)]
pub struct Template {
    bytes: Vec<u8>,
    body_at: usize,
}

impl Template {
    /// A `POST` to be sent many times.
    pub fn post(target: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Self {
        let bytes = post(target, path, content_type, body);
        let body_at = bytes.len() - body.len();
        Self { bytes, body_at }
    }

    /// The same request, from whoever has `key`.
    pub fn from_holder_of(mut self, key: &str) -> Self {
        let line = format!("Authorization: Bearer {key}\r\n");
        let second_line = memchr::memchr(b'\n', &self.bytes).map_or(0, |end| end + 1);
        self.bytes.splice(second_line..second_line, line.bytes());
        self.body_at += line.len();
        self
    }

    /// The whole request as it stands.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its body as it stands.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body_at..]
    }

    /// Writes `number` with leading zeros over `width` bytes of the body, `at` bytes into it.
    pub fn patch(&mut self, at: usize, width: usize, number: u64) {
        let start = self.body_at + at;
        write_decimal(&mut self.bytes[start..start + width], number);
    }
}

/// Writes the last digits of `number` over all of `digits`.
pub fn write_decimal(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_keeps_its_length_when_patched() {
        let target = "127.0.0.1:7070".parse().unwrap();
        let mut template = Template::post(target, "/v1/tasks/echo", "text/plain", b"n=0000;");
        let length = template.bytes().len();
        template.patch(2, 4, 123_456);
        assert_eq!(template.body(), b"n=3456;");
        template.patch(2, 4, 7);
        assert_eq!(template.body(), b"n=0007;");
        assert_eq!(template.bytes().len(), length);
        assert!(
            template.bytes().starts_with(b"POST /v1/tasks/echo HTTP/1.1\r\nHost: 127.0.0.1:7070")
        );
    }

    #[test]
    fn whoever_has_a_key_shows_it_and_says_the_same() {
        let target = "127.0.0.1:7070".parse().unwrap();
        let template = Template::post(target, "/v1/tasks/echo", "text/plain", b"n=0000;");
        let mut template = template.from_holder_of("secret");
        template.patch(2, 4, 7);
        assert_eq!(template.body(), b"n=0007;");
        let front = b"POST /v1/tasks/echo HTTP/1.1\r\nAuthorization: Bearer secret\r\nHost: ";
        assert!(template.bytes().starts_with(front));
    }
}
