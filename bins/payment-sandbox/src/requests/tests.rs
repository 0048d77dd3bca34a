//! Forms as real clients send them, and invalid forms.

use super::*;
use crate::collection::Cursor;

const NOW: i64 = 1_790_000_000;

fn decoded(endpoint: &Endpoint, form: &str) -> Result<Request, String> {
    let params = Params::parse(form.as_bytes());
    decode(endpoint, params, "http://127.0.0.1", NOW).map_err(|error| error.answer().body)
}

#[test]
fn a_create_call_of_a_real_client_is_read_completely() {
    let form = "amount=1200&currency=eur&metadata[order_id]=o1&capture_method=manual\
                &automatic_payment_methods[enabled]=true&payment_method=pm_card_visa\
                &automatic_payment_methods[allow_redirects]=never&confirm=true&off_session=true";
    let Ok(Request::Command(Command::Create(create))) = decoded(&Endpoint::CreateIntent, form)
    else {
        panic!("not read");
    };
    assert_eq!((create.amount, create.currency.as_str()), (1200, "eur"));
    assert_eq!(create.draft.capture, CaptureMethod::Manual);
    assert_eq!(create.draft.metadata["order_id"], "o1");
    assert_eq!(create.confirm, Some(Session::Off));
    assert!(matches!(create.method, Some(MethodChoice::Known(_))));
}

#[test]
fn bad_parameters_are_named() {
    let cases = [
        ("currency=eur", "Missing required param: amount."),
        ("amount=0&currency=eur", "greater than or equal to 1"),
        ("amount=-1&currency=eur", "greater than or equal to 1"),
        ("amount=100000000&currency=eur", "amount_too_large"),
        ("amount=x&currency=eur", "Invalid integer: x"),
        ("amount=1&currency=EUR", "Invalid currency"),
        (
            "amount=1&currency=eur&colour=red",
            "Received unknown parameter: colour",
        ),
        (
            "amount=1&currency=eur&capture_method=never",
            "Invalid capture_method",
        ),
        (
            "amount=1&currency=eur&payment_method_data[type]=card&payment_method_data[card][number]=1",
            "payment_method_data[card][exp_month]",
        ),
    ];
    for (form, expected) in cases {
        let body = decoded(&Endpoint::CreateIntent, form).expect_err(form);
        assert!(body.contains(expected), "{form}: {body}");
    }
}

#[test]
fn a_list_accepts_both_bounds_and_one_cursor() {
    let form = "limit=3&created[gt]=10&created[lte]=20&starting_after=pi_1";
    let Ok(Request::Query(Query::Intents { page, created })) =
        decoded(&Endpoint::ListIntents, form)
    else {
        panic!("not read");
    };
    assert_eq!(created, Created { from: 11, to: 20 });
    assert_eq!(
        page,
        Page {
            limit: 3,
            cursor: Cursor::StartingAfter("pi_1".to_owned())
        }
    );
    assert!(decoded(&Endpoint::ListIntents, "limit=101").is_err());
    assert!(decoded(&Endpoint::ListIntents, "starting_after=a&ending_before=b").is_err());
}

#[test]
fn a_card_number_is_never_in_printable_values() {
    let form = "amount=1&currency=eur&payment_method_data[type]=card\
                &payment_method_data[card][number]=4242424242424242\
                &payment_method_data[card][exp_month]=12&payment_method_data[card][exp_year]=2034";
    let request = decoded(&Endpoint::CreateIntent, form).unwrap();
    assert!(!format!("{request:?}").contains("42424242"));
}
