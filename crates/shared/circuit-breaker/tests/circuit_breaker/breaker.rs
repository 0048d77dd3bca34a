//! Tests of the breaker's public interface. Cool-downs are an hour if the breaker must stay open, and a millisecond if
//! the test waits until it no longer refuses.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, pending, ready};
use oms_circuit_breaker::{BreakerConfig, BreakerError, BreakerState, CircuitBreaker};
use tokio::sync::{Barrier, oneshot};

#[derive(Debug, PartialEq)]
enum Error {
    Down,
    Declined,
}

type Outcome = Result<(), BreakerError<Error>>;

const HOUR: Duration = Duration::from_secs(3600);
const BLINK: Duration = Duration::from_millis(1);

fn breaker(failures: u32, cool_down: Duration) -> CircuitBreaker {
    let config = BreakerConfig {
        failures,
        cool_down,
        max_cool_down: cool_down,
        half_open_probes: 1,
    };
    CircuitBreaker::new("test", config)
}

async fn guarded(
    breaker: &CircuitBreaker,
    future: impl Future<Output = Result<(), Error>>,
) -> Outcome {
    breaker.call(|error| *error == Error::Down, future).await
}

async fn fail(breaker: &CircuitBreaker) -> Outcome {
    guarded(breaker, ready(Err(Error::Down))).await
}

async fn succeed(breaker: &CircuitBreaker) -> Outcome {
    guarded(breaker, ready(Ok(()))).await
}

/// Opens a breaker with one failure, and waits until its cool-down is over.
async fn cooled_down() -> CircuitBreaker {
    let breaker = breaker(1, BLINK);
    assert!(matches!(fail(&breaker).await, Err(BreakerError::Inner(_))));
    wait_for_cool_down(&breaker).await;
    breaker
}

async fn wait_for_cool_down(breaker: &CircuitBreaker) {
    assert_eq!(breaker.state(), BreakerState::Open);
    while breaker.refuses() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn consecutive_failures_open_the_breaker_which_stops_calls() {
    let breaker = breaker(3, HOUR);
    for _ in 0..3 {
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert!(!breaker.refuses());
        assert!(matches!(
            fail(&breaker).await,
            Err(BreakerError::Inner(Error::Down))
        ));
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    assert!(breaker.refuses());
    let call = guarded(&breaker, async { panic!("must not be polled") });
    assert!(matches!(call.await, Err(BreakerError::Refused)));
}

#[tokio::test]
async fn a_success_resets_the_failure_count() {
    let breaker = breaker(2, HOUR);
    for _ in 0..5 {
        assert!(fail(&breaker).await.is_err());
        assert!(succeed(&breaker).await.is_ok());
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test]
async fn declines_count_as_answers() {
    let breaker = breaker(2, HOUR);
    for _ in 0..10 {
        let declined = guarded(&breaker, ready(Err(Error::Declined))).await;
        assert!(matches!(
            declined,
            Err(BreakerError::Inner(Error::Declined))
        ));
    }
    assert!(fail(&breaker).await.is_err());
    assert!(
        guarded(&breaker, ready(Err(Error::Declined)))
            .await
            .is_err()
    );
    assert!(fail(&breaker).await.is_err());
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test]
async fn reading_the_state_does_not_change_it() {
    let breaker = cooled_down().await;
    for _ in 0..10 {
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(!breaker.refuses());
    }
}

#[tokio::test]
async fn a_successful_probe_closes_the_breaker() {
    let breaker = cooled_down().await;
    assert!(succeed(&breaker).await.is_ok());
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert!(!breaker.refuses());
}

#[tokio::test]
async fn a_failed_probe_opens_the_breaker_again() {
    let breaker = cooled_down().await;
    assert!(matches!(fail(&breaker).await, Err(BreakerError::Inner(_))));
    assert_eq!(breaker.state(), BreakerState::Open);
    wait_for_cool_down(&breaker).await;
    assert!(succeed(&breaker).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_of_many_calls_is_the_probe() {
    let breaker = cooled_down().await;
    let all_entered_or_refused = Arc::new(Barrier::new(20));
    let calls = (0..20).map(|_| {
        let (breaker, barrier) = (breaker.clone(), Arc::clone(&all_entered_or_refused));
        tokio::spawn(async move {
            let probe = async {
                barrier.wait().await;
                Ok(())
            };
            let refused = matches!(guarded(&breaker, probe).await, Err(BreakerError::Refused));
            if refused {
                assert_eq!(breaker.state(), BreakerState::HalfOpen);
                barrier.wait().await;
            }
            refused
        })
    });
    let refused = join_all(calls).await.into_iter().filter_map(Result::ok);
    assert_eq!(refused.filter(|refused| *refused).count(), 19);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test]
async fn the_breaker_refuses_calls_while_its_probe_is_in_progress() {
    let breaker = cooled_down().await;
    let (answer, answered) = oneshot::channel::<()>();
    let probe = guarded(&breaker, async {
        answered.await.unwrap();
        Ok(())
    });
    let meanwhile = async {
        assert!(breaker.refuses());
        assert!(matches!(
            succeed(&breaker).await,
            Err(BreakerError::Refused)
        ));
        answer.send(()).unwrap();
    };
    let (outcome, ()) = tokio::join!(probe, meanwhile);
    assert!(outcome.is_ok());
    assert!(!breaker.refuses());
}

#[tokio::test]
async fn a_dropped_probe_frees_its_slot() {
    let breaker = cooled_down().await;
    for _ in 0..3 {
        let probe = guarded(&breaker, pending());
        // Biased, so that the probe is polled first, and dropped when the other branch is ready.
        tokio::select! {
            biased;
            _ = probe => panic!("the probe never ends"),
            () = ready(()) => assert!(!breaker.refuses()),
        }
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(!breaker.refuses());
    }
    assert!(succeed(&breaker).await.is_ok());
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test]
async fn a_call_that_began_before_the_breaker_opened_does_not_affect_it() {
    for late in [Ok(()), Err(Error::Down)] {
        let breaker = breaker(1, BLINK);
        let (answer, answered) = oneshot::channel();
        let slow = guarded(&breaker, async { answered.await.unwrap() });
        let meanwhile = async {
            assert!(fail(&breaker).await.is_err());
            wait_for_cool_down(&breaker).await;
            let probe = guarded(&breaker, async {
                answer.send(late).unwrap();
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                assert_eq!(breaker.state(), BreakerState::HalfOpen);
                Ok(())
            });
            assert!(probe.await.is_ok());
        };
        let _ = tokio::join!(slow, meanwhile);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}

#[tokio::test]
async fn clones_share_their_state() {
    let breaker = breaker(1, HOUR);
    let clone = breaker.clone();
    assert!(fail(&breaker).await.is_err());
    assert!(clone.refuses());
    assert_eq!(clone.name(), "test");
}
