//! A route: the way that the payloads of one kind take to their service. It makes the calls and says
//! how each ended; what becomes of the task is not decided here.

use super::answer::{self, Read, Reading};
use super::dialer::NotConnected;
use super::parcel::{Parcel, request};
use super::service::Service;
use super::statuses::Statuses;
use super::told::Told;
use super::url::Origin;
use crate::failure::Failure;
use overtime_protocol::{CallEnd, CallFailure, Fault, Product, Source};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use ureq::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use ureq::{AsSendBody, Body, Error, SendBody};

/// The most redirects in a row that are followed.
const REDIRECTS_MAX: usize = 5;

/// The way to one place of a service.
pub struct Route {
    pub(super) service: Arc<Service>,
    uri: Uri,
    timeout: Duration,
    pub(super) statuses: Statuses,
}

/// Nothing of its address, which may be secret.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("service", &self.service).finish_non_exhaustive()
    }
}

/// How a delivery ended.
#[derive(Debug)]
pub struct Delivered {
    /// The result, or why there is none.
    pub result: Result<Product, Failure>,
    /// What it tells of the service.
    pub end: CallEnd,
    /// How far the work has come, whatever the result is.
    pub told: Told,
}

/// Why there is no whole answer.
#[derive(Debug)]
pub(super) enum Missed {
    /// The service must not be called where it lies.
    Forbidden(String),
    /// There was no connection.
    NotConnected(String),
    /// There was no time left.
    TimedOut(Allowed),
    /// The connection broke, or what came is no HTTP.
    Broken(String),
    /// It was redirected to where it must not go.
    Astray(String),
    /// The answer is longer than it may be.
    TooLarge(usize),
}

/// How long a delivery may take.
#[derive(Clone, Copy, Debug)]
pub(super) enum Allowed {
    /// As long as the kind says.
    Whole(Duration),
    /// As long as a probe.
    Probe(Duration),
}

impl Allowed {
    pub(super) fn span(self) -> Duration {
        match self {
            Self::Whole(span) | Self::Probe(span) => span,
        }
    }
}

impl Route {
    /// The way to `path` below the address of the service.
    ///
    /// # Errors
    /// What is wrong with the path.
    pub fn new(
        service: Arc<Service>,
        path: &str,
        timeout: Option<Duration>,
        statuses: Statuses,
    ) -> Result<Self, &'static str> {
        let uri = service.url.below(path)?;
        let timeout = timeout.unwrap_or(service.timeout);
        Ok(Self { service, uri, timeout, statuses })
    }

    /// Delivers one payload, and waits for the answer. It may be called from many threads at once.
    pub fn deliver(&self, parcel: &Parcel<'_>) -> Delivered {
        let allowed = self.allowed(parcel);
        let read = self.call(parcel, allowed).and_then(|response| self.read(response, allowed));
        match read {
            Ok(read) => self.judge(read, parcel.now),
            Err(missed) => self.missed(missed),
        }
    }

    fn allowed(&self, parcel: &Parcel<'_>) -> Allowed {
        match parcel.limit {
            Some(limit) if limit < self.timeout => Allowed::Probe(limit),
            _ => Allowed::Whole(self.timeout),
        }
    }

    /// The head of the answer, at the end of all redirects.
    fn call(&self, parcel: &Parcel<'_>, allowed: Allowed) -> Result<Response<Body>, Missed> {
        let fields = parcel.fields(&self.service, allowed.span());
        let started = Instant::now();
        let mut way = (Method::POST, self.uri.clone());
        for hop in 0..=REDIRECTS_MAX {
            let left = match hop {
                0 => allowed.span(),
                _ => allowed.span().saturating_sub(started.elapsed()),
            };
            let sent = self.send(&way, &fields, parcel, left);
            let response = sent.map_err(|error| Self::lost(error, allowed))?;
            match self.redirection(&way, &response)? {
                None => return Ok(response),
                Some(next) => {
                    answer::discard(response);
                    way = next;
                }
            }
        }
        Err(Missed::Astray(format!("there are more than {REDIRECTS_MAX} redirects in a row")))
    }

    fn send(
        &self,
        (method, uri): &(Method, Uri),
        fields: &HeaderMap,
        parcel: &Parcel<'_>,
        timeout: Duration,
    ) -> Result<Response<Body>, Error> {
        let mut fields = fields.clone();
        if *method == Method::GET {
            // It asks what has come of the work, and brings nothing.
            fields.remove(CONTENT_LENGTH);
            fields.remove(CONTENT_TYPE);
            self.run(request(Method::GET, uri, fields, ()), timeout)
        } else {
            let mut payload = parcel.reader();
            let body = SendBody::from_reader(&mut payload);
            self.run(request(method.clone(), uri, fields, body), timeout)
        }
    }

    fn run(
        &self,
        request: Request<impl AsSendBody>,
        timeout: Duration,
    ) -> Result<Response<Body>, Error> {
        let agent = &self.service.agent;
        if timeout == self.service.timeout {
            return agent.run(request);
        }
        let timeout = Some(timeout.max(Duration::from_millis(1)));
        agent.run(agent.configure_request(request).timeout_global(timeout).build())
    }

    /// Where an answer sends us, unless it is one itself.
    fn redirection(
        &self,
        (method, uri): &(Method, Uri),
        response: &Response<Body>,
    ) -> Result<Option<(Method, Uri)>, Missed> {
        let status = response.status();
        let method = match status {
            _ if self.statuses.names(status) => return Ok(None),
            // The payload goes on whole: with a GET in its place nothing would be delivered.
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => method.clone(),
            // It was taken, and this is where to look for what has come of it.
            StatusCode::SEE_OTHER => Method::GET,
            _ => return Ok(None),
        };
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let Some(location) = location else { return Ok(None) };
        let next = resolve(uri, location)
            .ok_or_else(|| Missed::Astray("the redirect leads to no address".to_owned()))?;
        let origin = Origin::of(&next)
            .map_err(|why| Missed::Astray(format!("the redirect leads astray: {why}")))?;
        if !self.service.origin().may_lead_to(&origin) {
            let why = "the redirect leads to another host or port, or away from TLS";
            return Err(Missed::Astray(why.to_owned()));
        }
        Ok(Some((method, next)))
    }

    /// What an error of the client is.
    pub(super) fn lost(error: Error, allowed: Allowed) -> Missed {
        match error {
            Error::Timeout(_) => Missed::TimedOut(allowed),
            Error::Other(error) => match error.downcast::<NotConnected>().map(|error| *error) {
                Ok(NotConnected::Forbidden(why)) => Missed::Forbidden(why),
                Ok(error) => Missed::NotConnected(error.to_string()),
                Err(error) => Missed::Broken(error.to_string()),
            },
            Error::Io(error) => Missed::Broken(error.to_string()),
            error => Missed::Broken(error.to_string()),
        }
    }

    fn missed(&self, missed: Missed) -> Delivered {
        let end = match missed {
            Missed::Forbidden(_) => CallEnd::Untold,
            Missed::NotConnected(_) => CallEnd::Failed(CallFailure::Connect),
            Missed::TimedOut(_) => CallEnd::Failed(CallFailure::Timeout),
            Missed::Broken(_) => CallEnd::Failed(CallFailure::Broken),
            Missed::Astray(_) | Missed::TooLarge(_) => CallEnd::Answered,
        };
        let detail = format!("{} {missed}", self.service.name);
        let result = Err(match missed {
            Missed::NotConnected(_) => self.again("upstream-connect", detail),
            Missed::TimedOut(_) => self.again("upstream-timeout", detail),
            Missed::Broken(_) => self.again("upstream-broken", detail),
            Missed::Forbidden(_) => self.defect("upstream-address", detail),
            Missed::Astray(_) => self.defect("upstream-redirect", detail),
            Missed::TooLarge(_) => self.defect("upstream-answer-too-large", detail),
        });
        Delivered { result, end, told: Told::default() }
    }

    fn again(&self, code: &'static str, detail: String) -> Failure {
        Failure::Ephemeral(Fault { source: Source::Upstream, ..Fault::ephemeral(code, detail) })
    }

    fn defect(&self, code: &'static str, detail: String) -> Failure {
        Failure::Defect(Fault { source: Source::Upstream, ..Fault::input(code, detail) })
    }

    fn read(&self, response: Response<Body>, allowed: Allowed) -> Result<Read, Missed> {
        Reading { route: self, response, allowed }.read()
    }
}

/// The address that a reference stands for (RFC 3986, section 5.2), as far as servers use them: a
/// whole address, one without scheme, or a path from the root.
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next()?;
    if location.starts_with("//") {
        return format!("{}:{location}", base.scheme_str()?).parse().ok();
    }
    let uri: Uri = location.parse().ok()?;
    if uri.scheme().is_some() {
        return Some(uri);
    }
    let root = location.starts_with('/').then_some(location)?;
    let below = Uri::builder().scheme(base.scheme()?.clone()).authority(base.authority()?.clone());
    below.path_and_query(root).build().ok()
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(why) => write!(f, "is not called: {why}"),
            Self::NotConnected(why) => write!(f, "could not be reached: {why}"),
            Self::TimedOut(Allowed::Whole(span)) => write!(f, "has not answered within {span:?}"),
            Self::TimedOut(Allowed::Probe(span)) => {
                let span = Duration::from_millis(span.as_millis() as u64);
                write!(f, "is not well, and has not answered this probe within {span:?}")
            }
            Self::Broken(why) => write!(f, "broke the call off: {why}"),
            Self::Astray(why) => write!(f, "is not followed: {why}"),
            Self::TooLarge(max) => write!(f, "has answered with more than {max} bytes"),
        }
    }
}
