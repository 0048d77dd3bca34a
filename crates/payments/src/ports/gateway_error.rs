//! A failed call to a gateway, and what is known of its effect.

use std::error::Error;
use std::fmt;

use crate::domain::code;
use crate::{AmountRefusal, Operation};

/// A failed call to a gateway. Neither it nor its sources reveal a secret.
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
    /// The circuit breaker refused the call.
    #[error("the circuit breaker is open")]
    BreakerOpen,
    /// No connection could be established; nothing was sent.
    #[error("no connection")]
    NoConnection,
    /// Too many requests, or another request has locked the payment. The request was not processed.
    #[error("too many requests")]
    RateLimited,
    /// The gateway rejected the request itself: a defect or a misconfiguration on our side.
    #[error("rejected with status {status}, code {}, parameter {}", .code.as_deref().unwrap_or("none"), .param.as_deref().unwrap_or("none"))]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The gateway's code.
        code: Option<String>,
        /// The parameter that the gateway blames.
        param: Option<String>,
    },
    /// The gateway can't express the amount: nothing was sent.
    #[error("the amount {0}")]
    Inexpressible(AmountRefusal),
    /// No complete answer arrived in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection broke after the request may have been sent.
    #[error("the connection broke")]
    Interrupted,
    /// The gateway failed internally.
    #[error("failed with status {status}")]
    ServerError {
        /// The HTTP status.
        status: u16,
    },
    /// The answer does not follow the gateway's protocol.
    #[error("an unintelligible answer with status {status}")]
    Unintelligible {
        /// The HTTP status.
        status: u16,
    },
    /// A request with the same key is still in progress.
    #[error("a request with the same key is in progress")]
    InProgress,
    /// The key was used before, for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A well-formed rejection that says nothing of its effect.
    #[error("an unexplained rejection with status {status}")]
    Unexplained {
        /// The HTTP status.
        status: u16,
    },
    /// The answer requires reading the payment back, and that failed.
    #[error("could not read the payment back")]
    NotReadBack {
        /// Whether that failed because the gateway is unavailable.
        unavailable: bool,
    },
}

/// What a permanent rejection is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The gateway does not accept payments of this amount.
    Amount,
    /// The gateway does not accept payments in this currency.
    Currency,
    /// The gateway does not accept this payment, because of another parameter.
    Payment,
    /// The gateway rejects this installation: its key, its account, or the form of its requests. An operator must act.
    Installation,
}

/// What is known of the effect of a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It did not happen, and will not.
    DidNotHappen,
    /// It may have happened, or may still happen.
    Unknown,
}

impl GatewayError {
    /// A failed operation.
    pub fn new(operation: Operation, fault: GatewayFault) -> Self {
        Self {
            operation,
            fault,
            request_id: None,
            source: None,
        }
    }

    /// Adds the gateway's request ID, for its support team.
    #[must_use]
    pub fn with_request_id(mut self, request_id: Option<String>) -> Self {
        self.request_id = request_id;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The operation that failed.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// What went wrong.
    pub fn fault(&self) -> &GatewayFault {
        &self.fault
    }

    /// The gateway's request ID.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// What a permanent rejection is about; `None` if repeating the call may succeed.
    ///
    /// The class of the error and the parameter that it names decide, because gateways keep adding codes.
    /// <https://docs.stripe.com/api/errors>
    pub fn refusal(&self) -> Option<Refusal> {
        match &self.fault {
            GatewayFault::Rejected {
                status,
                code,
                param,
            } => Some(refusal(*status, code.as_deref(), param.as_deref())),
            GatewayFault::Inexpressible(_) => Some(Refusal::Amount),
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
            | GatewayFault::Rejected { .. }
            | GatewayFault::Inexpressible(_) => Effect::DidNotHappen,
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

    /// Whether the gateway is unavailable, as opposed to reachable and rejecting the request.
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
            | GatewayFault::Inexpressible(_)
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
    /// A short label for the history of calls.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::BreakerOpen => "breaker_open".to_owned(),
            Self::NoConnection => "no_connection".to_owned(),
            Self::RateLimited => "rate_limited".to_owned(),
            Self::Rejected { status, code, .. } => {
                // Only text that looks like a code: anything else might repeat what we sent.
                let code = code.as_deref().and_then(code::usable).unwrap_or("none");
                format!("rejected:{status}:{code}")
            }
            Self::Inexpressible(_) => "inexpressible_amount".to_owned(),
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
            "the payment gateway was called {}: {}",
            self.operation.purpose(),
            self.fault
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
