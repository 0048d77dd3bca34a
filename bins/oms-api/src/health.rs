//! Health checks: whether the process is alive, and whether it can serve.

use actix_web::{HttpResponse, HttpResponseBuilder, Responder, web};
use oms_web::{Access, Route, route};
use serde::Serialize;
use utoipa::ToSchema;

use crate::readiness::{Readiness as Probe, Report, Verdict};

/// The routes of health checks.
pub(crate) static ROUTES: &[Route] = &[
    route!(GET "/health", Access::Open, health),
    route!(GET "/health/live", Access::Open, live),
    route!(GET "/health/ready", Access::Open, ready),
];

/// The state of the server.
#[derive(Serialize, ToSchema)]
struct Health {
    status: Fitness,
}

/// The state of the server and of its dependencies.
#[derive(Serialize, ToSchema)]
struct Readiness {
    status: Fitness,
    checks: Checks,
}

#[derive(Serialize, ToSchema)]
struct Checks {
    database: DatabaseState,
    migrations: MigrationState,
    batches: BatchState,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Fitness {
    Ok,
    Unavailable,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DatabaseState {
    Ok,
    /// The database accepts no changes: it is a standby, or set to read-only.
    ReadOnly,
    Unavailable,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MigrationState {
    Ok,
    Pending,
    /// The database does not answer.
    Unknown,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BatchState {
    Ok,
    /// Requests wait for a batch that has been in progress for too long.
    Stuck,
}

/// 200 while the process answers requests. If it does not, an orchestrator restarts it.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "getLiveness",
    tag = "health",
    summary = "Check that the process is alive",
    responses((status = 200, description = "The process is alive.", body = Health)),
)]
async fn live() -> impl Responder {
    HttpResponse::Ok().json(Health {
        status: Fitness::Ok,
    })
}

/// 200 while orders can be placed, otherwise 503.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "getHealth",
    tag = "health",
    summary = "Check that orders can be placed",
    responses(
        (status = 200, description = "Orders can be placed.", body = Health),
        (status = 503, description = "The database does not answer, accepts no changes, or its migrations are not current; or requests have waited too long for it.", body = Health),
    ),
)]
async fn health(probe: web::Data<Probe>) -> impl Responder {
    let report = probe.check().await;
    let (mut response, status) = answer(report);
    response.json(Health { status })
}

/// Like `/health`, with the results of each check. A load balancer sends requests only while this answers 200.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "getReadiness",
    tag = "health",
    summary = "Check that orders can be placed, and report each check",
    responses(
        (status = 200, description = "Orders can be placed.", body = Readiness),
        (status = 503, description = "The database does not answer, accepts no changes, or its migrations are not current; or requests have waited too long for it.", body = Readiness),
    ),
)]
async fn ready(probe: web::Data<Probe>) -> impl Responder {
    let report = probe.check().await;
    let (database, migrations) = match report.database {
        Verdict::Ready => (DatabaseState::Ok, MigrationState::Ok),
        Verdict::Outdated => (DatabaseState::Ok, MigrationState::Pending),
        Verdict::ReadOnly => (DatabaseState::ReadOnly, MigrationState::Unknown),
        Verdict::Unavailable => (DatabaseState::Unavailable, MigrationState::Unknown),
    };
    let batches = match report.is_stuck {
        false => BatchState::Ok,
        true => BatchState::Stuck,
    };
    let (mut response, status) = answer(report);
    response.json(Readiness {
        status,
        checks: Checks {
            database,
            migrations,
            batches,
        },
    })
}

fn answer(report: Report) -> (HttpResponseBuilder, Fitness) {
    match report.is_ready() {
        true => (HttpResponse::Ok(), Fitness::Ok),
        false => (HttpResponse::ServiceUnavailable(), Fitness::Unavailable),
    }
}
