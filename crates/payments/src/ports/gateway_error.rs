//! A call to a gateway that brought no answer to its question, and what is known of its effect.

use std::error::Error;
use std::fmt;

use crate::Operation;
use crate::domain::code;

/// A call to a gateway that brought no answer to its question. Neither it nor its sources show a secret.
#[derive(Debug)]
pub struct GatewayError {
    operation: Operation,
    fault: GatewayFault,
    request_id: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayFault {
    /// The circuit breaker let nothing through.
    #[error("the circuit breaker is open")]
    BreakerOpen,
    /// No connection came about; nothing was sent.
    #[error("no connection")]
    NoConnection,
    /// Too many requests, or the payment is locked by another one; it was not looked at.
    #[error("too many requests")]
    RateLimited,
    /// The gateway did not like the request itself: a defect, or a wrong configuration, on our side.
    #[error("refused with status {status}, code {}, parameter {}", .code.as_deref().unwrap_or("none"), .param.as_deref().unwrap_or("none"))]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The gateway's code.
        code: Option<String>,
        /// The parameter that it names.
        param: Option<String>,
    },
    /// No complete answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection broke after the request may have been sent.
    #[error("the connection broke")]
    Interrupted,
    /// The gateway failed.
    #[error("failed with status {status}")]
    ServerError {
        /// The HTTP status.
        status: u16,
    },
    /// The answer is not what this gateway says.
    #[error("an answer that makes no sense, with status {status}")]
    Unintelligible {
        /// The HTTP status.
        status: u16,
    },
    /// A request with the same key is still being worked on.
    #[error("a request with the same key is in progress")]
    InProgress,
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A well-formed refusal that says nothing of its effect.
    #[error("a refusal with status {status} that does not say what happened")]
    Unexplained {
        /// The HTTP status.
        status: u16,
    },
    /// The answer asked us to read the payment back, and that failed.
    #[error("the payment could not be read back")]
    NotReadBack {
        /// Whether it failed because the gateway is not available.
        unavailable: bool,
    },
}

/// What a permanent refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The gateway takes no payment of this amount.
    Amount,
    /// It takes none in this currency.
    Currency,
    /// It takes this payment not, for what another parameter says.
    Payment,
    /// It refuses this installation: its key, its account, or how it asks. An operator must see to it.
    Installation,
}

/// What is known of the effect of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It did not happen, and will not.
    DidNotHappen,
    /// It may have happened, or may happen still.
    Unknown,
}

impl GatewayError {
    /// An operation that went wrong.
    pub fn new(operation: Operation, fault: GatewayFault) -> Self {
        Self {
            operation,
            fault,
            request_id: None,
            source: None,
        }
    }

    /// Adds the gateway's own id of the request, for its support.
    #[must_use]
    pub fn with_request_id(mut self, request_id: Option<String>) -> Self {
        self.request_id = request_id;
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What was asked.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// What went wrong.
    pub fn fault(&self) -> &GatewayFault {
        &self.fault
    }

    /// The gateway's own id of the request.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// What a refusal is about that will be the same however often the call is made; none where it may not be.
    ///
    /// The class of the error and the parameter that it names decide: gateways add codes all the time.
    /// <https://docs.stripe.com/api/errors>
    pub fn refusal(&self) -> Option<Refusal> {
        match &self.fault {
            GatewayFault::Rejected {
                status,
                code,
                param,
            } => Some(refusal(*status, code.as_deref(), param.as_deref())),
            GatewayFault::Unexplained { status: 400..=499 } => Some(Refusal::Installation),
            GatewayFault::BreakerOpen
            | GatewayFault::NoConnection
            | GatewayFault::RateLimited
            | GatewayFault::TimedOut
            | GatewayFault::Interrupted
            | GatewayFault::ServerError { .. }
            | GatewayFault::Unintelligible { .. }
            | GatewayFault::InProgress
            | GatewayFault::KeyReused
            | GatewayFault::Unexplained { .. }
            | GatewayFault::NotReadBack { .. } => None,
        }
    }

    /// What is known of the effect.
    pub fn effect(&self) -> Effect {
        match self.fault {
            GatewayFault::BreakerOpen
            | GatewayFault::NoConnection
            | GatewayFault::RateLimited
            | GatewayFault::Rejected { .. } => Effect::DidNotHappen,
            GatewayFault::TimedOut
            | GatewayFault::Interrupted
            | GatewayFault::ServerError { .. }
            | GatewayFault::Unintelligible { .. }
            | GatewayFault::InProgress
            | GatewayFault::KeyReused
            | GatewayFault::Unexplained { .. }
            | GatewayFault::NotReadBack { .. } => Effect::Unknown,
        }
    }

    /// Whether the gateway is not there, as opposed to there and not willing.
    pub fn is_unavailable(&self) -> bool {
        match self.fault {
            GatewayFault::BreakerOpen
            | GatewayFault::NoConnection
            | GatewayFault::TimedOut
            | GatewayFault::Interrupted
            | GatewayFault::ServerError { .. }
            | GatewayFault::Unintelligible { .. } => true,
            GatewayFault::NotReadBack { unavailable } => unavailable,
            GatewayFault::RateLimited
            | GatewayFault::Rejected { .. }
            | GatewayFault::InProgress
            | GatewayFault::KeyReused
            | GatewayFault::Unexplained { .. } => false,
        }
    }
}

fn refusal(status: u16, code: Option<&str>, param: Option<&str>) -> Refusal {
    let param = param.filter(|param| !param.is_empty());
    match (status, param, code) {
        (401 | 403, _, _) => Refusal::Installation,
        (_, Some(param), _) if param.starts_with("amount") => Refusal::Amount,
        (_, Some("currency"), _) => Refusal::Currency,
        (_, Some(_), _) => Refusal::Payment,
        (_, None, Some(code)) if code.starts_with("amount_") => Refusal::Amount,
        (_, None, _) => Refusal::Installation,
    }
}

impl GatewayFault {
    /// A short text for the history of calls.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::BreakerOpen => "breaker_open".to_owned(),
            Self::NoConnection => "no_connection".to_owned(),
            Self::RateLimited => "rate_limited".to_owned(),
            Self::Rejected { status, code, .. } => {
                // Only what looks like a code: it might repeat what we sent.
                let code = code.as_deref().and_then(code::usable).unwrap_or("none");
                format!("rejected:{status}:{code}")
            }
            Self::TimedOut => "timed_out".to_owned(),
            Self::Interrupted => "interrupted".to_owned(),
            Self::ServerError { status } => format!("server_error:{status}"),
            Self::Unintelligible { status } => format!("unintelligible:{status}"),
            Self::InProgress => "in_progress".to_owned(),
            Self::KeyReused => "key_reused".to_owned(),
            Self::Unexplained { status } => format!("unexplained:{status}"),
            Self::NotReadBack { .. } => "not_read_back".to_owned(),
        }
    }
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at the payment gateway: {}",
            self.operation, self.fault
        )?;
        match &self.request_id {
            Some(request_id) => write!(f, " (request {request_id})"),
            None => Ok(()),
        }
    }
}

impl Error for GatewayError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
