use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::time::Duration;

use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

/// How often an answer may point elsewhere.
const MOST_REDIRECTS: usize = 10;

/// An address that may be asked: by https, or by http on this machine, and without a name or password in it.
///
/// Every request of this module goes through [`get`], which takes no other address, neither first nor after a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address(Uri);

/// Where a host stands. A redirect may lead outwards, never back in: what a public host names must not reach what only this
/// machine or this network may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Loopback,
    Inside,
    Public,
}

/// An address that is not asked, however often it is tried.
#[derive(Debug)]
pub(super) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl StdError for Refused {}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let refuse = |expected: &str| Refused(format!("expected {expected}, found {text:?}"));
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if !text.bytes().all(plain) {
            return Err(refuse(
                "an address without blanks, control characters or letters beyond ASCII",
            ));
        }
        let uri: Uri = text.parse().map_err(|_| refuse("an address"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refuse("an address with https:// and a host"));
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(refuse("a host without a name or password before it"));
        }
        match scheme {
            "https" => {}
            "http" if reach(authority.host()) == Reach::Loopback => {}
            _ => return Err(refuse("https (http is for this machine only)")),
        }
        Ok(Self(uri))
    }

    /// Goes where an answer points.
    fn follow(&self, location: &str) -> Result<Self, Refused> {
        let refuse =
            |why: &str| Refused(format!("a redirect from {} to {location:?}: {why}", self.0));
        let scheme = self.0.scheme_str().unwrap_or("https");
        let host = self
            .0
            .authority()
            .map_or("", |authority| authority.as_str());
        let path = self.0.path();
        let is_whole = location.split_once(':').is_some_and(|(scheme, _)| {
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        let text = if is_whole {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{host}{location}")
        } else if location.starts_with('?') {
            format!("{scheme}://{host}{path}{location}")
        } else {
            let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
            format!("{scheme}://{host}{folder}{location}")
        };
        // What stands behind # is not asked for.
        let text = text.split('#').next().unwrap_or_default();
        let next = Self::parse(text).map_err(|source| refuse(&source.0))?;
        if scheme == "https" && next.0.scheme_str() != Some("https") {
            return Err(refuse("it leaves https"));
        }
        let own = self.reach();
        if next.reach() < own || (own == Reach::Public && next.resolves_inside()) {
            return Err(refuse(
                "it leads from outside to this machine or its network",
            ));
        }
        Ok(next)
    }

    fn reach(&self) -> Reach {
        reach(self.0.host().unwrap_or_default())
    }

    /// Tells whether the name of a host stands for a machine that is not public. A name that is not known here is left to the
    /// request, which may go through a proxy.
    fn resolves_inside(&self) -> bool {
        let host = self.0.host().unwrap_or_default();
        let known = (host, self.0.port_u16().unwrap_or(443)).to_socket_addrs();
        known.is_ok_and(|mut all| all.any(|place| reach_of_ip(place.ip()) != Reach::Public))
    }
}

fn reach(host: &str) -> Reach {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(&host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return reach_of_ip(ip);
    }
    if host.starts_with('[') {
        // One with the name of an interface, which is near.
        return Reach::Inside;
    }
    if host == "localhost" {
        return Reach::Loopback;
    }
    // `127.1` and `0x7f000001` are addresses to some resolvers.
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    match host.ends_with(".localhost") || host.ends_with(".local") || is_number {
        true => Reach::Inside,
        false => Reach::Public,
    }
}

fn reach_of_ip(ip: IpAddr) -> Reach {
    let inside = |ip: Ipv4Addr| {
        ip.is_loopback()
            || ip.is_private()
            || ip.is_link_local()
            || ip.is_broadcast()
            || ip.octets()[0] == 0
            // What providers share among their customers.
            || (ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64)
    };
    let is_inside = match ip {
        IpAddr::V4(ip) if ip.is_loopback() => return Reach::Loopback,
        IpAddr::V6(ip) if ip.is_loopback() => return Reach::Loopback,
        IpAddr::V4(ip) => inside(ip),
        IpAddr::V6(ip) => {
            ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.to_ipv4().is_some_and(inside)
        }
    };
    match is_inside {
        true => Reach::Inside,
        false => Reach::Public,
    }
}

/// Asks for an address, from a byte on where one is given, and follows what the answers point to.
pub(super) fn get(
    agent: &Agent,
    url: &str,
    from: u64,
    patience: Option<Duration>,
) -> Result<Response<Body>, Box<dyn StdError + Send + Sync>> {
    let mut address = Address::parse(url)?;
    for _ in 0..=MOST_REDIRECTS {
        let mut request = agent
            .get(&address.0)
            .header("Accept-Encoding", "identity")
            .config()
            .timeout_global(patience)
            .build();
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        let response = request.call()?;
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(response);
        }
        let location = response.headers().get("location");
        let location = location.and_then(|location| location.to_str().ok());
        let location = location.ok_or_else(|| {
            let status = response.status().as_u16();
            Refused(format!("status {status} without an address to go to"))
        })?;
        address = address.follow(location)?;
    }
    Err(Refused(format!("more than {MOST_REDIRECTS} redirects")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_asked() {
        for sound in [
            "https://huggingface.co/a?b=c",
            "https://10.0.0.1/mirror",
            "http://127.0.0.1:8080/a",
            "http://127.8.9.1/a",
            "http://[::1]:80/a",
            "http://localhost/a",
            "http://LOCALHOST:1/a",
        ] {
            assert!(Address::parse(sound).is_ok(), "{sound}");
        }
        for unsound in [
            "http://example.org/a",
            "HTTP://example.org/a",
            "http://10.0.0.1/a",
            "http://127.1/a",
            "http://0.0.0.0/a",
            "http://[::ffff:127.0.0.1]/a",
            "http://localhost.example.org/a",
            "http://a.localhost/a",
            "http://localhost@example.org/a",
            "https://user:word@example.org/a",
            "ftp://example.org/a",
            "file:///etc/passwd",
            "example.org/a",
            "/a",
            "",
            "https://",
            "https:///a",
            "https://example.org/a b",
            "https://example.org/a\r\nX: y",
            "https://example.org\\@127.0.0.1/",
            "https://ex\u{e4}mple.org/",
        ] {
            assert!(Address::parse(unsound).is_err(), "{unsound:?}");
        }
    }

    #[test]
    fn a_redirect_never_leaves_https_nor_leads_inside() {
        let follow = |from: &str, to: &str| {
            let next = Address::parse(from).unwrap().follow(to);
            next.map(|next| next.0.to_string())
        };
        let outside = "https://93.184.216.34/a/b?c";
        for inside in [
            "http://93.184.216.34/a",
            "http://127.0.0.1/a",
            "https://127.0.0.1/a",
            "//127.0.0.1/a",
            "//localhost:8080/a",
            "https://127.1/a",
            "https://2130706433/a",
            "https://0x7f.0.0.1/a",
            "https://[::1]/a",
            "https://[::ffff:127.0.0.1]/a",
            "https://[fd00::1]/a",
            "https://169.254.169.254/latest",
            "https://192.168.1.1/a",
            "https://100.64.0.1/a",
            "https://0.1.2.3/a",
            "https://0.0.0.0/a",
            "https://b.localhost./a",
            "ftp://93.184.216.34/a",
            "javascript:alert(1)",
        ] {
            assert!(follow(outside, inside).is_err(), "{inside}");
        }
        let message = follow(outside, "http://127.0.0.1/a")
            .unwrap_err()
            .to_string();
        assert!(message.contains("leaves https"), "{message}");
        // A machine's own server may not leave https either, and may send on to the public.
        assert!(follow("https://127.0.0.1/a", "http://127.0.0.1/b").is_err());
        assert!(follow("https://10.0.0.1/a", "https://127.0.0.1/b").is_err());
        assert!(follow("http://127.0.0.1/a", "http://93.184.216.34/b").is_err());
        assert!(follow("http://127.0.0.1/a", "https://93.184.216.34/b").is_ok());
        assert!(follow("http://127.0.0.1/a", "http://127.0.0.1:99/b").is_ok());
        for (to, expected) in [
            ("/d#e", "https://93.184.216.34/d"),
            ("d", "https://93.184.216.34/a/d"),
            ("?d", "https://93.184.216.34/a/b?d"),
            ("//93.184.216.35/d", "https://93.184.216.35/d"),
            ("https://93.184.216.35:444/d", "https://93.184.216.35:444/d"),
        ] {
            assert_eq!(follow(outside, to).unwrap(), expected);
        }
    }
}
