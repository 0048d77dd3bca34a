//! Whether the server lives, and whether it can serve.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Responder};
use oms_database::{Database, DbError, migrations};
use oms_errors::http::method_not_allowed;
use serde_json::json;

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

/// 200 while requests are answered at all: an orchestrator restarts the process when not.
async fn live() -> impl Responder {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// 200 while orders can be taken, else 503.
async fn health(database: web::Data<Database>) -> impl Responder {
    match check(&database).await {
        Ok(pending) if pending.is_empty() => HttpResponse::Ok().json(json!({ "status": "ok" })),
        _ => HttpResponse::ServiceUnavailable().json(json!({ "status": "unavailable" })),
    }
}

/// As `/health`, with what was checked: a load balancer sends no requests when it is not 200.
async fn ready(database: web::Data<Database>) -> impl Responder {
    let (database, migrations) = match check(&database).await {
        Ok(pending) if pending.is_empty() => ("ok", "ok"),
        Ok(_) => ("ok", "pending"),
        Err(error) => {
            tracing::warn!(cause = &error as &dyn std::error::Error, "not ready");
            ("unavailable", "unknown")
        }
    };
    let checks = json!({ "database": database, "migrations": migrations });
    if migrations == "ok" {
        HttpResponse::Ok().json(json!({ "status": "ok", "checks": checks }))
    } else {
        HttpResponse::ServiceUnavailable()
            .json(json!({ "status": "unavailable", "checks": checks }))
    }
}

async fn check(database: &Database) -> Result<Vec<String>, DbError> {
    let mut connection = database.acquire().await?;
    migrations::pending(&mut connection).await
}
