//! The HTML of the bank's page. Everything from a request is escaped.

use crate::intents::{Intent, Status};

const STYLE: &str = "body{margin:0;background:#f2f4f7;color:#1d2939;font:16px/1.5 system-ui,sans-serif}\
main{max-width:26rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:12px;box-shadow:0 2px 12px #10182820}\
h1{margin:0 0 1rem;font-size:1.25rem}dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:0 0 1.5rem}\
dt{color:#667085}dd{margin:0;text-align:right}form{display:flex;gap:.75rem}\
button{flex:1;padding:.75rem;border:1px solid #d0d5dd;border-radius:8px;background:#fff;font:inherit;cursor:pointer}\
button.main{border-color:#175cd3;background:#175cd3;color:#fff}small{display:block;margin-top:1.5rem;color:#667085}";

/// The page that asks the customer.
pub(super) fn challenge(intent: &Intent) -> String {
    let secret = escaped(&intent.client_secret());
    let body = format!(
        "<h1>Is this payment yours?</h1>{}<form method=\"post\">\
         <input type=\"hidden\" name=\"client_secret\" value=\"{secret}\">\
         <button class=\"main\" id=\"complete\" name=\"outcome\" value=\"complete\">Complete authentication</button>\
         <button id=\"fail\" name=\"outcome\" value=\"fail\">Fail authentication</button></form>\
         <small>This is payment-sandbox's bank page. Close it to abandon the payment.</small>",
        summary(intent)
    );
    document("3-D Secure test page", &body)
}

/// The page that shows the outcome, with a link back if there is one.
pub(super) fn ended(intent: &Intent, back: Option<&str>) -> String {
    let said = match intent.status {
        Status::Succeeded | Status::RequiresCapture => "The payment is complete.",
        Status::Processing => "The bank is processing the payment.",
        Status::Canceled => "The payment was cancelled.",
        _ => "The authentication failed. Nothing was charged.",
    };
    let link = back.map(|url| format!("<a href=\"{}\">Return to the store</a>", escaped(url)));
    let body = format!(
        "<h1>{said}</h1>{}{}",
        summary(intent),
        link.unwrap_or_default()
    );
    document("3-D Secure test page", &body)
}

/// The page for an unknown payment or a wrong secret.
pub(super) fn unknown() -> String {
    document("Not found", "<h1>Payment not found.</h1>")
}

fn summary(intent: &Intent) -> String {
    let method = intent.method.as_ref();
    let card = method.map(|it| format!("{} ···· {}", it.brand, it.last4));
    let currency = intent.currency.to_ascii_uppercase();
    format!(
        "<dl><dt>Amount</dt><dd>{} {} (minor units)</dd><dt>Card</dt><dd>{}</dd><dt>Payment</dt><dd>{}</dd></dl>",
        intent.amount,
        escaped(&currency),
        escaped(card.as_deref().unwrap_or("none")),
        escaped(&intent.id)
    )
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"icon\" href=\"data:,\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>"
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_request_is_escaped() {
        assert_eq!(
            escaped("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"
        );
    }
}
