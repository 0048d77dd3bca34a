//! What a payment gateway must do. Each case is a test of each gateway that it is listed for, so that the gateway in
//! memory, on which other tests rely, behaves like the real one.

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

/// Cases for gateways that keep records of their payments.
macro_rules! contract_of_record_keepers {
    ($($subject:ident)*) => {
        $(
            contract! { $subject:
                preparing_a_payment_again_returns_the_same_reference
                each_attempt_has_its_own_payment
                a_confirmed_payment_is_paid_in_full
                a_payment_that_was_never_prepared_cannot_be_confirmed
                reading_a_payment_returns_its_current_status
                a_second_confirmation_charges_nothing_more
                a_declined_payment_is_not_charged_and_can_be_cancelled
                a_payment_that_needs_the_customer_has_an_action_and_can_be_cancelled
                cancelling_a_payment_that_the_bank_is_processing_reports_its_status
                a_cancelled_payment_stays_cancelled
                a_late_cancellation_reports_the_payment_as_paid
                a_refund_is_made_once_per_key_and_found_by_its_id
                refunds_never_exceed_the_paid_amount
                a_refund_that_was_never_requested_is_not_found
                a_refund_made_elsewhere_is_listed_and_reported
                every_charge_is_listed_once_and_names_its_order
                a_charge_without_an_order_is_refunded_up_to_the_captured_amount
                a_payment_that_is_not_disputed_has_no_disputes
            }
        )*
    };
}

contract_of_record_keepers! { scripted stripe_over_the_sandbox }

contract! { instant:
    preparing_a_payment_again_returns_the_same_reference
    each_attempt_has_its_own_payment
    a_confirmed_payment_is_paid_in_full
    a_payment_that_was_never_prepared_cannot_be_confirmed
    a_cancelled_payment_is_reported_as_cancelled
    a_refund_is_made_in_full
    a_refund_that_was_never_requested_is_not_found
    a_payment_that_is_not_disputed_has_no_disputes
}
