//! The parameters of each call. Only those of `confirm` and `capture` let money move.

use std::borrow::Cow;

use oms_validation::{InstallationId, Money};

use super::amounts::to_stripe;
use crate::ports::PrepareRequest;
use crate::{AmountRefusal, PaymentInstruction, PaymentMethod, RefundRequest};

/// Parameters, with Stripe's notation for nested ones.
pub(super) type Form<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// Creates an intent without a payment method and without confirming it.
/// <https://docs.stripe.com/api/payment_intents/create>
///
/// `capture_method` is explicit because its default differs between versions and accounts. Methods that redirect the
/// customer to another site are allowed only if there is a page to return to: where they are allowed, Stripe rejects a
/// confirmation without `return_url`.
///
/// The metadata is for operators, and for finding the tenant of a charge. It authorises nothing.
pub(super) fn prepare(
    request: &PrepareRequest,
    installation: Option<InstallationId>,
) -> Result<Form<'static>, AmountRefusal> {
    let redirects = match request.allows_redirects {
        true => "always",
        false => "never",
    };
    let mut form: Form<'static> = vec![
        ("amount", to_stripe(request.amount)?.to_string().into()),
        ("currency", currency(request.amount).into()),
        ("capture_method", "automatic".into()),
        ("automatic_payment_methods[enabled]", "true".into()),
        (
            "automatic_payment_methods[allow_redirects]",
            redirects.into(),
        ),
        ("metadata[order_id]", request.order_id.to_string().into()),
        ("metadata[tenant_id]", request.tenant_id.to_string().into()),
        (
            "metadata[attempt]",
            request.attempt_number.to_string().into(),
        ),
    ];
    if let Some(installation) = installation {
        form.push(("metadata[installation_id]", installation.to_string().into()));
    }
    Ok(form)
}

/// The payment method, and where the customer returns. With a return page Stripe answers `redirect_to_url` where the
/// customer must authenticate, and without one `use_stripe_sdk`. <https://docs.stripe.com/api/payment_intents/confirm>
///
/// A card number is for the sandbox only. It comes without expiry and security code, so fixed values are sent.
pub(super) fn confirm(instruction: &PaymentInstruction) -> Form<'_> {
    let mut form = method(&instruction.method);
    let return_url = instruction.return_url.as_ref();
    form.extend(return_url.map(|url| ("return_url", url.as_str().into())));
    form
}

fn method(method: &PaymentMethod) -> Form<'_> {
    match method {
        PaymentMethod::Token(token) => vec![("payment_method", token.into())],
        PaymentMethod::Card(card) => vec![
            ("payment_method_data[type]", "card".into()),
            (
                "payment_method_data[card][number]",
                card.expose_digits().into(),
            ),
            ("payment_method_data[card][exp_month]", "12".into()),
            ("payment_method_data[card][exp_year]", "2049".into()),
            ("payment_method_data[card][cvc]", "123".into()),
        ],
    }
}

/// <https://docs.stripe.com/api/payment_intents/cancel>
pub(super) fn cancel() -> Form<'static> {
    vec![("cancellation_reason", "abandoned".into())]
}

/// <https://docs.stripe.com/api/payment_intents/capture>
pub(super) fn capture(amount: Money) -> Result<Form<'static>, AmountRefusal> {
    Ok(vec![(
        "amount_to_capture",
        to_stripe(amount)?.to_string().into(),
    )])
}

/// A refund, in the currency of its payment. The metadata has our own ID, by which the refund is found again.
/// <https://docs.stripe.com/api/refunds/create>
pub(super) fn refund(request: &RefundRequest) -> Result<Form<'_>, AmountRefusal> {
    Ok(vec![
        ("payment_intent", request.reference.as_str().into()),
        ("amount", to_stripe(request.amount)?.to_string().into()),
        ("metadata[refund_id]", request.refund_id.to_string().into()),
        ("metadata[order_id]", request.order_id.to_string().into()),
    ])
}

fn currency(amount: Money) -> String {
    amount.currency.as_str().to_ascii_lowercase()
}
