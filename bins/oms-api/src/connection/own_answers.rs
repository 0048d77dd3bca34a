//! Replaces the answers that actix-web's dispatcher writes itself, without the application, by problems: an empty 400
//! to anything that is not HTTP, or 431.

use oms_errors::{HEAD_TOO_LARGE, INTERNAL, INVALID_REQUEST, Problem, ProblemType};
use oms_web::problem_bytes;

/// Maximum length of the head of such an answer.
const LONGEST: usize = 256;

/// Splits the bytes to send where such an answer begins. It is always the last answer of its connection.
pub(super) fn split(bytes: &[u8]) -> (&[u8], Option<Vec<u8>>) {
    match find(bytes) {
        Some((at, problem)) => (&bytes[..at], Some(problem_bytes(&problem))),
        None => (bytes, None),
    }
}

fn find(bytes: &[u8]) -> Option<(usize, Problem)> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let tail = bytes.len().saturating_sub(LONGEST);
    let marker = b"HTTP/1.1 ";
    let mut starts = bytes[tail..].windows(marker.len());
    let at = tail + starts.rposition(|window| window == marker)?;
    let head = std::str::from_utf8(&bytes[at..]).ok()?.to_ascii_lowercase();
    // The application's answers have a request ID.
    let is_own = head.contains("\r\ncontent-length: 0\r\n") && !head.contains("\r\nx-request-id:");
    let status = head.get(marker.len()..marker.len() + 3)?;
    is_own.then_some(())?;
    Some((at, problem(status)?))
}

fn problem(status: &str) -> Option<Problem> {
    let problem_type: &'static ProblemType = match status {
        "400" => {
            return Some(Problem::new(
                &INVALID_REQUEST,
                "the request is not HTTP/1.1",
            ));
        }
        "431" => &HEAD_TOO_LARGE,
        "500" => &INTERNAL,
        _ => return None,
    };
    Some(Problem::of(problem_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_of_the_dispatcher_becomes_a_problem() {
        let own = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\ndate: now\r\n\r\n";
        let before = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-request-id: 1\r\n\r\nok";
        for before in ["", before] {
            let sent = format!("{before}{own}");
            let (kept, problem) = split(sent.as_bytes());
            assert_eq!(kept, before.as_bytes());
            let problem = String::from_utf8(problem.unwrap()).unwrap();
            assert!(
                problem.starts_with("HTTP/1.1 400 Bad Request\r\n"),
                "{problem}"
            );
            assert!(problem.contains("application/problem+json"), "{problem}");
            assert!(problem.contains("request.invalid"), "{problem}");
        }
    }

    #[test]
    fn answers_of_the_application_are_not_changed() {
        for sent in [
            "",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-request-id: 1\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 0\r\n\r\n",
            "the end of a body\r\n\r\n",
        ] {
            assert_eq!(split(sent.as_bytes()), (sent.as_bytes(), None));
        }
    }
}
