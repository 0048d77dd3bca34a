//! Whether the server lives, and whether it can serve.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, HttpResponseBuilder, Responder};
use oms_web::method_not_allowed;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::readiness::{Readiness as Probe, Report, Verdict};

/// The routes of health.
pub(crate) fn configure(config: &mut ServiceConfig) {
    for (path, route) in [
        ("/health", web::get().to(health)),
        ("/health/live", web::get().to(live)),
        ("/health/ready", web::get().to(ready)),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(method_not_allowed("GET")),
        );
    }
}

/// The endpoints of health, as the document of the API describes them.
#[derive(OpenApi)]
#[openapi(paths(live, health, ready))]
pub(crate) struct HealthDocument;

/// How the server is.
#[derive(Serialize, ToSchema)]
struct Health {
    status: Fitness,
}

/// How the server is, with what was checked.
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
    /// It takes no changes: it is a standby, or set to read-only.
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

/// 200 while requests are answered at all: an orchestrator restarts the process when not.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "getLiveness",
    tag = "health",
    summary = "Whether the process answers",
    responses((status = 200, description = "It does.", body = Health)),
)]
async fn live() -> impl Responder {
    HttpResponse::Ok().json(Health {
        status: Fitness::Ok,
    })
}

/// 200 while orders can be taken, else 503.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "getHealth",
    tag = "health",
    summary = "Whether orders can be taken",
    responses(
        (status = 200, description = "They can.", body = Health),
        (status = 503, description = "The database does not answer, takes no changes, or its migrations are not current; or requests have waited too long for it.", body = Health),
    ),
)]
async fn health(probe: web::Data<Probe>) -> impl Responder {
    let report = probe.check().await;
    let (mut response, status) = answer(report);
    response.json(Health { status })
}

/// As `/health`, with what was checked: a load balancer sends no requests when it is not 200.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "getReadiness",
    tag = "health",
    summary = "Whether orders can be taken, and what was checked",
    responses(
        (status = 200, description = "They can.", body = Readiness),
        (status = 503, description = "The database does not answer, takes no changes, or its migrations are not current; or requests have waited too long for it.", body = Readiness),
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
