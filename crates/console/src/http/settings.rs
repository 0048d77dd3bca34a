//! `GET /console/settings`: who is signed in, the sessions, and the API keys.

use askama::Template;
use oms_access::{KeyState, KeySummary, SessionSummary, list_keys_of, list_sessions};
use oms_validation::Scope;

use super::frame::{Frame, Section};
use super::page::{Answer, page};
use super::page_request::PageRequest;
use crate::display;

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings {
    frame: Frame,
    name: String,
    scopes: String,
    since: String,
    until: String,
    sessions: Vec<SessionRow>,
    /// Only with the scope `settings:write`.
    keys: Option<Vec<KeyRow>>,
}

struct SessionRow {
    name: String,
    is_this: bool,
    created: String,
    seen: String,
    expires: String,
    began_with: &'static str,
}

struct KeyRow {
    id: String,
    name: String,
    state: String,
    tone: &'static str,
    ending: String,
    scopes: String,
    created: String,
    expires: String,
    used: String,
}

pub(super) async fn settings(request: Box<PageRequest>) -> Answer {
    let (context, operator) = (&request.console.sessions, request.operator()?);
    let (tenant, may_see_keys) = (operator.tenant(), operator.may(Scope::SettingsWrite));
    let sessions = list_sessions(context, tenant).await?;
    let keys = match may_see_keys {
        true => Some(list_keys_of(context, tenant).await?),
        false => None,
    };
    let this = operator.session.id;
    let is_shown =
        |session: &SessionSummary| may_see_keys || session.name == operator.name.as_str();
    let sessions = sessions.into_iter().filter(is_shown);
    let sessions = sessions.map(|session| SessionRow {
        is_this: session.id == this,
        created: display::time(session.created_at),
        seen: display::time(session.seen_at),
        expires: display::time(session.expires_at),
        began_with: match session.has_key {
            true => "API key",
            false => "Link or identity provider",
        },
        name: session.name,
    });
    page(&Settings {
        frame: request.frame(Section::Settings, "Settings"),
        name: operator.name.as_str().to_owned(),
        scopes: operator.credential().scopes.to_string(),
        since: display::time(operator.session.created_at),
        until: display::time(operator.session.expires_at),
        sessions: sessions.collect(),
        keys: keys.map(|keys| keys.into_iter().map(KeyRow::from).collect()),
    })
}

impl From<KeySummary> for KeyRow {
    fn from(key: KeySummary) -> Self {
        let never = || "never".to_owned();
        Self {
            id: key.id.0.to_string(),
            name: key.name,
            state: display::sentence(key.state.as_str()),
            tone: match key.state {
                KeyState::Live => "ok",
                KeyState::Expired | KeyState::Revoked => "idle",
            },
            ending: key.ending,
            scopes: key.scopes.join(", "),
            created: display::time(key.created_at),
            expires: key.expires_at.map_or_else(never, display::time),
            used: key.last_used_at.map_or_else(never, display::time),
        }
    }
}
