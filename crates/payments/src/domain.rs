//! The rules of payments, without IO: attempts, refunds and their states, what a gateway can report, and the values
//! exchanged with it.

mod amount_refusal;
mod amount_step;
mod attempt;
mod charge;
mod closing;
pub(crate) mod code;
mod customer_action;
mod decline_code;
mod gateway_call;
mod gateway_event;
mod given_back;
mod in_words;
pub(crate) mod mirroring;
mod operation;
mod payment_method;
mod payment_status;
mod reference;
mod refund;
mod refund_failure;
mod return_url;

pub use amount_refusal::AmountRefusal;
pub use amount_step::AmountStep;
pub use attempt::{Attempt, AttemptState, NewAttempt, UnknownState};
pub use charge::{Capture, ChargeId, ChargePage, ChargeStatus, ChargeWindow, ListedCharge};
pub use closing::{ClosedAttempt, Closing};
pub use customer_action::CustomerAction;
pub use decline_code::{CustomerStep, DeclineCode};
pub(crate) use gateway_call::CallAnswer;
pub use gateway_call::{CallEffect, GatewayCall, UnsavedCalls};
pub use gateway_event::{EventRelevance, GatewayEvent, GatewayEventId, NewGatewayEvent};
pub use given_back::{DisputeState, ListedDispute, ListedRefund, ListedState, Report, ReportPage};
pub use in_words::dispute_in_words;
pub use operation::{Operation, OperationKey};
pub use payment_method::{CardNumber, InvalidPaymentMethod, PaymentInstruction, PaymentMethod};
pub use payment_status::{PaymentStatus, RefundOutcome};
pub use reference::{InvalidReference, Reference};
pub use refund::{Asked, NewRefund, Refund, RefundActor, RefundEnd, RefundState};
pub use refund_failure::RefundFailure;
pub use return_url::{InvalidReturnUrl, ReturnUrl};
