//! The content of a call: parameters are read and checked before anything is executed. An error here is a validation
//! error in Stripe's sense: nothing began, so nothing is remembered under the idempotency key.
//!
//! Parameters: <https://docs.stripe.com/api/payment_intents/create> and the neighbouring pages.

mod currencies;
mod lists;
mod payment_methods;

use currencies::AMOUNT_MAX_IN_ANY;
pub(crate) use currencies::{AMOUNT_MAX, check_step, is_currency};
pub(crate) use lists::Created;

use crate::{
    api_error::ApiError,
    cards::{Decline, PaymentMethod},
    collection::Page,
    endpoint::Endpoint,
    intents::{CaptureMethod, Draft, Session},
    params::Params,
    refunds::RefundOrder,
};

/// Documented parameters that have no effect here.
const IGNORED_ON_CREATE: &[&str] = &[
    "confirmation_method",
    "customer",
    "mandate_data",
    "payment_method_options",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];
const IGNORED_ON_CONFIRM: &[&str] = &[
    "mandate_data",
    "payment_method_options",
    "receipt_email",
    "setup_future_usage",
    "shipping",
];

/// A well-formed call.
#[derive(Debug)]
pub(crate) enum Request {
    /// Changes something.
    Command(Command),
    /// Only reads.
    Query(Query),
}

impl Request {
    /// Whether it attempts a payment.
    pub(crate) fn pays(&self) -> bool {
        match self {
            Self::Command(Command::Create(create)) => create.confirm.is_some(),
            Self::Command(Command::Confirm { .. }) => true,
            Self::Command(_) | Self::Query(_) => false,
        }
    }
}

/// A requested change.
#[derive(Debug)]
pub(crate) enum Command {
    /// Create an intent.
    Create(Box<CreateIntent>),
    /// Confirm one.
    Confirm {
        id: String,
        confirmation: Box<Confirmation>,
    },
    /// Cancel one.
    Cancel { id: String, reason: Option<String> },
    /// Capture one.
    Capture { id: String, amount: Option<u64> },
    /// Refund a charge.
    Refund { of: RefundOf, order: RefundOrder },
}

/// A query.
#[derive(Debug)]
pub(crate) enum Query {
    /// One intent.
    Intent(String),
    /// One charge.
    Charge(String),
    /// One refund.
    Refund(String),
    /// Intents, newest first.
    Intents { page: Page, created: Created },
    /// One dispute.
    Dispute(String),
    /// Disputes, newest first.
    Disputes {
        page: Page,
        created: Created,
        intent: Option<String>,
        charge: Option<String>,
    },
    /// One event.
    Event(String),
    /// Charges, newest first.
    Charges {
        page: Page,
        created: Created,
        intent: Option<String>,
    },
    /// Events, newest first.
    Events {
        page: Page,
        created: Created,
        /// Only events of these types; empty means all.
        kinds: Vec<String>,
    },
    /// Refunds, newest first.
    Refunds {
        page: Page,
        created: Created,
        intent: Option<String>,
        charge: Option<String>,
    },
}

/// The parameters of a new intent.
#[derive(Debug)]
pub(crate) struct CreateIntent {
    pub(crate) amount: u64,
    pub(crate) currency: String,
    pub(crate) draft: Draft,
    pub(crate) method: Option<MethodChoice>,
    /// Confirm it in the same call.
    pub(crate) confirm: Option<Session>,
    pub(crate) page: ReturnPage,
}

/// The parameters of a confirmation.
#[derive(Debug)]
pub(crate) struct Confirmation {
    pub(crate) method: Option<MethodChoice>,
    pub(crate) session: Session,
    pub(crate) page: ReturnPage,
}

/// How the customer reaches the bank's page and returns.
#[derive(Debug, Default)]
pub(crate) struct ReturnPage {
    /// Where the customer returns to; `None` if the browser library handles that.
    pub(crate) return_url: Option<String>,
    /// The address at which the client called the sandbox.
    pub(crate) origin: String,
}

/// The payment method in the call.
#[derive(Debug)]
pub(crate) enum MethodChoice {
    /// A test token, or card data that is valid for a card.
    Known(PaymentMethod),
    /// An ID that the intent itself may know.
    Id(String),
    /// Card data that is not valid for any card.
    Refused(Decline),
}

/// Whose money is refunded.
#[derive(Debug)]
pub(crate) enum RefundOf {
    /// The latest charge of this intent.
    Intent(String),
    /// This charge.
    Charge(String),
}

/// Reads a call's parameters.
///
/// # Errors
/// 400 naming the first parameter that is missing, invalid or unknown.
pub(crate) fn decode(
    endpoint: &Endpoint,
    mut params: Params,
    origin: &str,
    now: i64,
) -> Result<Request, ApiError> {
    let request = match endpoint {
        Endpoint::CreateIntent => Request::Command(create(&mut params, origin, now)?),
        Endpoint::ConfirmIntent(id) => Request::Command(confirm(id, &mut params, origin, now)?),
        Endpoint::CancelIntent(id) => Request::Command(cancel(id, &mut params)?),
        Endpoint::CaptureIntent(id) => {
            let amount = amount(&mut params, "amount_to_capture")?;
            Request::Command(Command::Capture {
                id: id.clone(),
                amount,
            })
        }
        Endpoint::CreateRefund => Request::Command(refund(&mut params)?),
        Endpoint::RetrieveIntent(id) => {
            params.ignore(&["client_secret"]);
            Request::Query(Query::Intent(id.clone()))
        }
        Endpoint::RetrieveCharge(id) => Request::Query(Query::Charge(id.clone())),
        Endpoint::RetrieveRefund(id) => Request::Query(Query::Refund(id.clone())),
        Endpoint::ListIntents => {
            params.ignore(&["customer"]);
            let created = lists::created(&mut params)?;
            Request::Query(Query::Intents {
                page: lists::page(&mut params)?,
                created,
            })
        }
        Endpoint::RetrieveEvent(id) => Request::Query(Query::Event(id.clone())),
        Endpoint::ListCharges => {
            params.ignore(&["customer"]);
            Request::Query(Query::Charges {
                created: lists::created(&mut params)?,
                page: lists::page(&mut params)?,
                intent: params.take("payment_intent"),
            })
        }
        Endpoint::RetrieveDispute(id) => Request::Query(Query::Dispute(id.clone())),
        Endpoint::ListDisputes => Request::Query(Query::Disputes {
            created: lists::created(&mut params)?,
            page: lists::page(&mut params)?,
            intent: params.take("payment_intent"),
            charge: params.take("charge"),
        }),
        Endpoint::ListEvents => Request::Query(Query::Events {
            created: lists::created(&mut params)?,
            page: lists::page(&mut params)?,
            kinds: lists::kinds(&mut params),
        }),
        Endpoint::ListRefunds => Request::Query(Query::Refunds {
            created: lists::created(&mut params)?,
            page: lists::page(&mut params)?,
            intent: params.take("payment_intent"),
            charge: params.take("charge"),
        }),
    };
    params.finish("")?;
    Ok(request)
}

fn create(params: &mut Params, origin: &str, now: i64) -> Result<Command, ApiError> {
    params.ignore(IGNORED_ON_CREATE);
    let amount = amount(params, "amount")?.ok_or_else(|| ApiError::missing("amount"))?;
    let currency = params.take_required("currency")?;
    if !is_currency(&currency) {
        let message = format!("Invalid currency: {currency}.");
        return Err(ApiError::parameter("currency", message));
    }
    currencies::check(amount, &currency)?;
    let draft = draft(params)?;
    let method = payment_methods::method(params, now)?;
    let confirming = params.take_flag("confirm")?;
    let confirm = Some(session(params)?).filter(|_| confirming);
    let create = CreateIntent {
        amount,
        currency,
        draft,
        method,
        confirm,
        page: return_page(params, origin)?,
    };
    Ok(Command::Create(Box::new(create)))
}

fn draft(params: &mut Params) -> Result<Draft, ApiError> {
    let capture_methods = ["automatic", "automatic_async", "manual"];
    let capture = match params
        .take_choice("capture_method", &capture_methods)?
        .as_deref()
    {
        Some("manual") => CaptureMethod::Manual,
        _ => CaptureMethod::Automatic,
    };
    let mut automatic = params.take_nested("automatic_payment_methods");
    let automatic_methods = automatic.take_flag("enabled")?;
    let redirects = automatic.take_choice("allow_redirects", &["always", "never"])?;
    automatic.finish("automatic_payment_methods")?;
    Ok(Draft {
        description: params.take("description"),
        metadata: params.take_metadata()?,
        method_types: params.take_list("payment_method_types"),
        automatic_methods,
        allows_redirects: automatic_methods && redirects.as_deref() != Some("never"),
        capture,
    })
}

/// With `use_stripe_sdk` the browser library handles the action, with or without a return page.
fn return_page(params: &mut Params, origin: &str) -> Result<ReturnPage, ApiError> {
    let uses_sdk = params.take_flag("use_stripe_sdk")?;
    let given = params.take("return_url").filter(|url| !url.is_empty());
    if let Some(url) = &given
        && !(url.contains("://") && url.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Err(ApiError::parameter("return_url", "Not a valid URL").with_code("url_invalid"));
    }
    Ok(ReturnPage {
        return_url: given.filter(|_| !uses_sdk),
        origin: origin.to_owned(),
    })
}

fn confirm(id: &str, params: &mut Params, origin: &str, now: i64) -> Result<Command, ApiError> {
    params.ignore(IGNORED_ON_CONFIRM);
    let confirmation = Confirmation {
        method: payment_methods::method(params, now)?,
        session: session(params)?,
        page: return_page(params, origin)?,
    };
    Ok(Command::Confirm {
        id: id.to_owned(),
        confirmation: Box::new(confirmation),
    })
}

fn cancel(id: &str, params: &mut Params) -> Result<Command, ApiError> {
    let reasons = [
        "duplicate",
        "fraudulent",
        "requested_by_customer",
        "abandoned",
    ];
    let reason = params.take_choice("cancellation_reason", &reasons)?;
    Ok(Command::Cancel {
        id: id.to_owned(),
        reason,
    })
}

fn refund(params: &mut Params) -> Result<Command, ApiError> {
    let of = match (params.take("payment_intent"), params.take("charge")) {
        (Some(intent), _) => RefundOf::Intent(intent),
        (None, Some(charge)) => RefundOf::Charge(charge),
        (None, None) => {
            let message = "One of the following params should be provided for this request: \
                           payment_intent or charge.";
            return Err(ApiError::invalid_request(400, message).with_code("parameter_missing"));
        }
    };
    let order = RefundOrder {
        amount: amount(params, "amount")?,
        reason: params.take_choice(
            "reason",
            &["duplicate", "fraudulent", "requested_by_customer"],
        )?,
        metadata: params.take_metadata()?,
    };
    Ok(Command::Refund { of, order })
}

/// Off session nobody can authenticate, or the client wants no authentication.
fn session(params: &mut Params) -> Result<Session, ApiError> {
    // `off_session` may also be `one_off` or `recurring`, which both mean off session.
    let off_session = params
        .take("off_session")
        .is_some_and(|value| value != "false");
    let refuses_action = params.take_flag("error_on_requires_action")?;
    Ok(if off_session || refuses_action {
        Session::Off
    } else {
        Session::On
    })
}

fn amount(params: &mut Params, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(number) = params.take_integer(name)? else {
        return Ok(None);
    };
    match u64::try_from(number) {
        Ok(number @ 1..=AMOUNT_MAX_IN_ANY) => Ok(Some(number)),
        Ok(1..) => Err(
            ApiError::parameter(name, "Amount must be no more than 999,999.99.")
                .with_code("amount_too_large"),
        ),
        Ok(0) | Err(_) => Err(ApiError::parameter(
            name,
            "This value must be greater than or equal to 1.",
        )
        .with_code("parameter_invalid_integer")),
    }
}

#[cfg(test)]
mod tests;
