//! Which rule fires for which call, how often, and which rules are rejected.

use super::*;

const CONFIRM: Facts<'_> = Facts {
    operation: Operation::Confirm,
    order_id: Some("o1"),
    pays: true,
    replay: false,
};

fn plan(rules: &str) -> Result<FaultPlan, String> {
    let draft = serde_json::from_str(&format!("{{\"rules\":[{rules}]}}"));
    FaultPlan::new(draft.map_err(|error| error.to_string())?).map_err(|e| e.answer().body)
}

#[test]
fn the_first_matching_rule_fires_as_often_as_configured_after_its_skips() {
    let mut plan = plan(
        r#"{"operation":"confirm","action":{"type":"refuse"},"skip":1,"times":2},
           {"operation":"any","action":{"type":"delay","ms":5},"times":null}"#,
    )
    .unwrap();
    let taken: Vec<_> = (0..4).map(|_| plan.take(CONFIRM).unwrap()).collect();
    let delay = Action::Delay { ms: 5 };
    assert_eq!(
        taken,
        [delay.clone(), Action::Refuse, Action::Refuse, delay]
    );
    let shown = serde_json::to_value(&plan).unwrap();
    assert_eq!(shown["rules"][0]["fired"], 2);
    assert_eq!(shown["rules"][1]["times"], serde_json::Value::Null);
}

#[test]
fn a_rule_without_times_fires_once() {
    let mut plan = plan(r#"{"operation":"confirm","action":{"type":"hold"}}"#).unwrap();
    assert!(plan.take(CONFIRM).is_some() && plan.take(CONFIRM).is_none());
}

#[test]
fn a_rule_for_an_order_does_not_affect_others() {
    let rule = r#"{"operation":"any","action":{"type":"refuse"},"orderId":"o2"}"#;
    let mut plan = plan(rule).unwrap();
    assert_eq!(plan.take(CONFIRM), None);
    assert_eq!(
        plan.take(Facts {
            order_id: None,
            ..CONFIRM
        }),
        None
    );
    assert!(
        plan.take(Facts {
            order_id: Some("o2"),
            ..CONFIRM
        })
        .is_some()
    );
}

#[test]
fn a_replay_can_meet_network_faults_but_is_not_executed_again() {
    let replay = Facts {
        replay: true,
        ..CONFIRM
    };
    for action in [
        r#""error_after","status":500"#,
        r#""decline","code":"card_declined""#,
    ] {
        let rule = format!(r#"{{"operation":"any","action":{{"type":{action}}}}}"#);
        assert_eq!(plan(&rule).unwrap().take(replay), None, "{action}");
    }
    let rule = r#"{"operation":"any","action":{"type":"error_after","status":503}}"#;
    assert!(plan(rule).unwrap().take(replay).is_some());
}

#[test]
fn invalid_rules_are_rejected() {
    for rule in [
        r#"{"operation":"any","action":{"type":"error_after","status":404}}"#,
        r#"{"operation":"cancel","action":{"type":"decline","code":"card_declined"}}"#,
        r#"{"operation":"pay","action":{"type":"hold"}}"#,
        r#"{"operation":"any","action":{"type":"explode"}}"#,
        r#"{"operation":"any","action":{"type":"hold"},"order_id":"o1"}"#,
        r#"{"operation":"any","action":{"type":"error_after","status":429}}"#,
        r#"{"operation":"any","action":{"type":"late_effect"}}"#,
        r#"{"operation":"any","action":{"type":"drip","bytesPerSecond":0}}"#,
        r#"{"operation":"any","action":{"type":"hold"},"eventType":"charge.succeeded"}"#,
        r#"{"operation":"any","action":{"type":"duplicate","times":1}}"#,
        r#"{"operation":"webhook","action":{"type":"truncate"}}"#,
        r#"{"operation":"webhook","action":{"type":"drop"},"eventType":"charge.exploded"}"#,
    ] {
        assert!(plan(rule).is_err(), "{rule}");
    }
}

#[test]
fn rules_for_webhooks_and_rules_for_calls_are_independent() {
    let mut plan = plan(
        r#"{"operation":"webhook","eventType":"charge.succeeded","action":{"type":"drop"}},
           {"operation":"webhook","orderId":"o1","action":{"type":"duplicate"},"times":null},
           {"operation":"any","action":{"type":"hold"}}"#,
    )
    .unwrap();
    let about = |kind| WebhookFacts {
        kind,
        order_id: Some("o1"),
    };
    let twice = Some(WebhookAction::Duplicate { times: 1 });
    assert_eq!(plan.take(CONFIRM), Some(Action::Hold));
    assert_eq!(plan.take_webhook(about(EventKind::IntentSucceeded)), twice);
    let charged = about(EventKind::ChargeSucceeded);
    assert_eq!(plan.take_webhook(charged), Some(WebhookAction::Drop));
    assert_eq!(plan.take_webhook(charged), twice);
    let elsewhere = WebhookFacts {
        order_id: None,
        ..charged
    };
    assert_eq!(plan.take_webhook(elsewhere), None);
}
