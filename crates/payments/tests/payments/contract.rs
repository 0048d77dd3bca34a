//! What a payment gateway must do. Each case is a test of each gateway that it is listed for, so that the one in memory,
//! which the other tests rely on, behaves like the real one.

mod cases;
mod subjects;

macro_rules! contract {
    ($subject:ident: $($case:ident)*) => {
        mod $subject {
            $(
                #[tokio::test]
                async fn $case() {
                    super::cases::$case(&super::subjects::$subject().await).await;
                }
            )*
        }
    };
}

/// What only a gateway can do that keeps books.
macro_rules! contract_of_books {
    ($($subject:ident)*) => {
        $(
            contract! { $subject:
                preparing_a_payment_again_gives_the_same_reference
                each_attempt_has_a_payment_of_its_own
                a_confirmed_payment_is_paid_in_full
                what_was_never_prepared_can_not_be_confirmed
                a_payment_is_read_as_it_stands
                a_second_confirmation_charges_nothing_more
                a_declined_payment_is_not_charged_and_can_be_cancelled
                a_payment_that_needs_the_customer_says_what_to_do_and_can_be_cancelled
                a_cancellation_of_a_payment_with_the_bank_is_answered_truly
                a_cancelled_payment_stays_cancelled
                a_cancellation_that_comes_too_late_finds_the_payment_paid
                a_refund_is_made_once_for_its_key_and_found_by_its_id
                no_more_is_refunded_than_was_paid
                a_refund_that_nobody_asked_for_is_not_found
                a_refund_made_elsewhere_is_listed_and_reported
                every_charge_is_listed_once_and_names_its_order
                a_charge_of_no_order_is_refunded_and_no_more_than_was_taken
                a_payment_that_nobody_disputes_has_no_disputes
            }
        )*
    };
}

contract_of_books! { scripted stripe_over_the_sandbox }

contract! { instant:
    preparing_a_payment_again_gives_the_same_reference
    each_attempt_has_a_payment_of_its_own
    a_confirmed_payment_is_paid_in_full
    what_was_never_prepared_can_not_be_confirmed
    a_cancelled_payment_is_reported_as_cancelled
    a_refund_is_made_in_full
    a_refund_that_nobody_asked_for_is_not_found
    a_payment_that_nobody_disputes_has_no_disputes
}
