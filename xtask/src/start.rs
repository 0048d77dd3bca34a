//! `cargo xtask start`: runs the payment sandbox and the API in the foreground until Ctrl-C.
//!
//! The API stops first, after it has finished its requests, then the sandbox. The database keeps running. With
//! `--storefront`, the example storefront runs too, and stops before the API.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::command;
use crate::database::{self, Database};
use crate::dotenv;
use crate::http;
use crate::report;
use crate::sdk;
use crate::signals;
use crate::sys_init;
use crate::workspace::Workspace;

/// Default port of the API, unless `OMS_PORT` is set.
const DEFAULT_PORT: u16 = 3000;
const DEFAULT_SANDBOX_PORT: u16 = 12111;
const DEFAULT_METRICS_PORT: u16 = 9464;
const DEFAULT_STOREFRONT_PORT: u16 = 4000;

/// The secret with which the API verifies webhooks in development, unless `OMS_STRIPE_WEBHOOK_SECRETS` is set.
const SANDBOX_WEBHOOK_SECRET: &str = "whsec_sandbox";

/// What the programs print when they are ready.
const SANDBOX_LISTENS: &str = "payment-sandbox listening on";
const STOREFRONT_LISTENS: &str = "storefront listening on";

/// The scopes of the storefront's key.
const STOREFRONT_SCOPES: [&str; 4] = [
    "orders:read",
    "orders:write",
    "inventory:read",
    "events:read",
];

/// Maximum time for a program to become ready, and to finish its work.
const START_PATIENCE: Duration = Duration::from_secs(60);
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// Interval at which the programs are checked.
const TICK: Duration = Duration::from_millis(100);

#[derive(Clone)]
enum Event {
    /// A program printed this line.
    Printed(String),
    /// Ctrl-C or SIGTERM.
    EndRequested,
}

/// Why the programs stop.
enum Ending {
    /// The user asked to stop.
    Requested,
    Died {
        name: &'static str,
        status: ExitStatus,
    },
    /// A program did not become ready in time, or could not be started.
    Failed(anyhow::Error),
}

/// The ports on which the programs listen.
pub(crate) struct Ports {
    pub(crate) api: u16,
    sandbox: u16,
    metrics: u16,
    storefront: u16,
}

/// One of the programs.
struct Running {
    name: &'static str,
    child: Child,
}

/// Runs the programs until the user stops them or one of them ends.
pub(crate) fn run(workspace: &Workspace, with_storefront: bool) -> Result<()> {
    let ports = ports(workspace)?;
    refuse_taken_ports(&ports, with_storefront)?;
    let database = sys_init::prepare(workspace)?;
    let storefront = match with_storefront {
        true => Some(storefront_command(workspace, &database, &ports)?),
        false => None,
    };
    let sandbox = sandbox_command(workspace, &ports)?;
    let api = api_command(workspace, &database, &ports)?;
    let link = link_command(workspace, &database);
    let (sender, events) = channel();
    signals::on_request_to_end(sender.clone(), Event::EndRequested)?;

    let mut running = Vec::new();
    let commands = Commands {
        sandbox,
        api,
        storefront,
        link,
    };
    let ending = run_all(commands, &ports, &mut running, &sender, &events);
    // Each program uses those that were started before it, so the last one stops first.
    for program in running.iter_mut().rev() {
        program.stop(&events);
    }
    conclude(ending)
}

/// The commands that start the programs.
struct Commands {
    sandbox: Command,
    api: Command,
    storefront: Option<Command>,
    /// Prints a link that signs in to the console, once the API is ready.
    link: Command,
}

/// Starts the programs one after the other and returns when they must be stopped.
fn run_all(
    commands: Commands,
    ports: &Ports,
    running: &mut Vec<Running>,
    sender: &Sender<Event>,
    events: &Receiver<Event>,
) -> Ending {
    let start = |name, command, running: &mut Vec<Running>| -> Result<(), Ending> {
        running.push(Running::start(name, command, sender).map_err(Ending::Failed)?);
        Ok(())
    };
    let with_storefront = commands.storefront.is_some();
    let mut link = commands.link;
    let started = start("sandbox", commands.sandbox, running)
        .and_then(|()| wait_for_line("payment sandbox", SANDBOX_LISTENS, running, events))
        .and_then(|()| start("api", commands.api, running))
        .and_then(|()| wait_for_api(running, ports, events))
        .and_then(|()| match commands.storefront {
            Some(command) => start("shop", command, running)
                .and_then(|()| wait_for_line("storefront", STOREFRONT_LISTENS, running, events)),
            None => Ok(()),
        });
    if let Err(ending) = started {
        return ending;
    }
    report::line(&format!(
        "\n✓ oms is ready on http://127.0.0.1:{}. Ctrl-C stops it.",
        ports.api
    ));
    sys_init::print_requests(ports.api);
    report::line("");
    if with_storefront {
        report::line(&format!(
            "✓ the example storefront is on http://localhost:{}\n",
            ports.storefront
        ));
    }
    match command::capture(&mut link) {
        Ok(link) => report::line(&format!(
            "✓ the console is on http://127.0.0.1:{}/console. This link signs you in, once, within ten minutes:\n  {}\n",
            ports.api,
            link.trim()
        )),
        // The console may be switched off in `.env`.
        Err(error) => report::line(&format!("· no link to the console: {error:#}\n")),
    }
    watch(running, events, |_| false).expect("a watch without a condition returns only an ending")
}

/// The ports in the environment and in `.env`, or the defaults.
pub(crate) fn ports(workspace: &Workspace) -> Result<Ports> {
    let port = |name: &str, default: u16| -> Result<u16> {
        match dotenv::variable(workspace, name)? {
            Some(text) => text
                .parse()
                .with_context(|| format!("{name} is {text:?}: give a port from 1 to 65535")),
            None => Ok(default),
        }
    };
    Ok(Ports {
        api: port("OMS_PORT", DEFAULT_PORT)?,
        sandbox: port("PAYMENT_SANDBOX_PORT", DEFAULT_SANDBOX_PORT)?,
        metrics: port("OMS_METRICS_PORT", DEFAULT_METRICS_PORT)?,
        storefront: port(sdk::STOREFRONT_PORT, DEFAULT_STOREFRONT_PORT)?,
    })
}

fn refuse_taken_ports(ports: &Ports, with_storefront: bool) -> Result<()> {
    let storefront =
        with_storefront.then_some((ports.storefront, "the storefront", sdk::STOREFRONT_PORT));
    let programs = [
        (ports.api, "the API", "OMS_PORT"),
        (ports.sandbox, "the payment sandbox", "PAYMENT_SANDBOX_PORT"),
        (ports.metrics, "the API's metrics", "OMS_METRICS_PORT"),
    ];
    for (port, user, variable) in programs.into_iter().chain(storefront) {
        if !database::is_free(port) {
            bail!(
                "port {port}, for {user}, is used by another program (another `cargo xtask start`?). \
                 Stop it, or choose another port: {variable}={} cargo xtask start",
                port.checked_add(1).unwrap_or(DEFAULT_PORT)
            );
        }
    }
    Ok(())
}

fn api_command(workspace: &Workspace, database: &Database, ports: &Ports) -> Result<Command> {
    let mut api = sys_init::api(workspace, database, "serve");
    let is_told = dotenv::variable(workspace, "OMS_STRIPE_API_URL")?.is_some();
    if ports.sandbox != DEFAULT_SANDBOX_PORT && !is_told {
        api.env(
            "OMS_STRIPE_API_URL",
            format!("http://127.0.0.1:{}", ports.sandbox),
        );
    }
    Ok(api)
}

fn link_command(workspace: &Workspace, database: &Database) -> Command {
    let mut link = sys_init::api(workspace, database, "console");
    link.args(["link", "--name", "developer"]);
    link
}

fn sandbox_command(workspace: &Workspace, ports: &Ports) -> Result<Command> {
    let mut sandbox = Command::new(workspace.program("payment-sandbox"));
    let secrets = dotenv::variable(workspace, "OMS_STRIPE_WEBHOOK_SECRETS")?;
    let webhook_url = format!("http://127.0.0.1:{}/webhooks/stripe", ports.api);
    sandbox
        .args(["--webhook-url", webhook_url.as_str()])
        // Not passed as an argument, because every user of the machine can read those.
        .env(
            "PAYMENT_SANDBOX_WEBHOOK_SECRET",
            webhook_secret(secrets.as_deref()),
        )
        .env("PAYMENT_SANDBOX_PORT", ports.sandbox.to_string())
        .current_dir(&workspace.root);
    sandbox.env(
        "PAYMENT_SANDBOX_STATE_FILE",
        workspace.made_folder()?.join("payment-sandbox.journal"),
    );
    Ok(sandbox)
}

/// The storefront with a key of its own, which expires the next day.
fn storefront_command(
    workspace: &Workspace,
    database: &Database,
    ports: &Ports,
) -> Result<Command> {
    let mut keys = sys_init::api(workspace, database, "keys");
    keys.args(["create", "--name", "storefront", "--expires-in-days", "1"]);
    for scope in STOREFRONT_SCOPES {
        keys.args(["--scope", scope]);
    }
    let key = command::capture(&mut keys).context("the storefront's key could not be created")?;
    let mut storefront = sdk::storefront(workspace)?;
    storefront
        .env("OMS_URL", format!("http://127.0.0.1:{}", ports.api))
        .env("OMS_KEY", key.trim())
        .env(sdk::STOREFRONT_PORT, ports.storefront.to_string());
    Ok(storefront)
}

/// The newest secret that the API accepts, which is the last one.
fn webhook_secret(secrets: Option<&str>) -> &str {
    let given = secrets.and_then(|secrets| secrets.rsplit(',').next());
    given.map_or(SANDBOX_WEBHOOK_SECRET, str::trim)
}

/// Waits until a program prints that it listens.
fn wait_for_line(
    what: &str,
    line: &str,
    running: &mut [Running],
    events: &Receiver<Event>,
) -> Result<(), Ending> {
    report::step(&format!("{what} ready"), |_| {
        let mut listening = false;
        let started = Instant::now();
        let ending = watch(running, events, |event| {
            listening |= matches!(event, Some(Event::Printed(printed)) if printed.contains(line));
            listening || started.elapsed() > START_PATIENCE
        });
        let complaint = format!("the {what} did not report that it is listening");
        ended_or_late(ending, listening, &complaint)
    })
}

fn wait_for_api(
    running: &mut [Running],
    ports: &Ports,
    events: &Receiver<Event>,
) -> Result<(), Ending> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.api));
    report::step("API ready", |_| {
        let mut ready = false;
        let started = Instant::now();
        let ending = watch(running, events, |event| {
            ready |= event.is_none() && http::answers_ok(address, "/health/ready");
            ready || started.elapsed() > START_PATIENCE
        });
        ended_or_late(
            ending,
            ready,
            &format!("GET http://{address}/health/ready did not answer 200"),
        )
    })
}

fn ended_or_late(ending: Option<Ending>, is_ready: bool, complaint: &str) -> Result<(), Ending> {
    match ending {
        Some(ending) => Err(ending),
        None if is_ready => Ok(()),
        None => Err(Ending::Failed(anyhow!(
            "{complaint} within a minute: see the lines above"
        ))),
    }
}

/// Watches the programs until one ends, the user asks to stop, or `enough` returns true after an event or an idle
/// interval.
fn watch(
    programs: &mut [Running],
    events: &Receiver<Event>,
    mut enough: impl FnMut(Option<&Event>) -> bool,
) -> Option<Ending> {
    loop {
        let event = match events.recv_timeout(TICK) {
            Ok(Event::EndRequested) => return Some(Ending::Requested),
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        };
        for program in programs.iter_mut() {
            if let Ok(Some(status)) = program.child.try_wait() {
                return Some(Ending::Died {
                    name: program.name,
                    status,
                });
            }
        }
        if enough(event.as_ref()) {
            return None;
        }
    }
}

fn conclude(ending: Ending) -> Result<()> {
    match ending {
        Ending::Requested => {
            report::line("✓ stopped; the database keeps running (cargo xtask db down stops it)");
            Ok(())
        }
        Ending::Died { name, status } => {
            bail!(
                "{name} ended by itself with {}: see its lines above",
                command::describe(status)
            )
        }
        Ending::Failed(error) => Err(error),
    }
}

impl Running {
    /// Starts a program in its own process group, so that Ctrl-C reaches only xtask, which stops the programs in order.
    fn start(name: &'static str, mut command: Command, sender: &Sender<Event>) -> Result<Self> {
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| command::not_started(&command, error))?;
        relay(name, child.stdout.take(), sender);
        relay(name, child.stderr.take(), sender);
        Ok(Self { name, child })
    }

    /// Sends SIGTERM and waits. A second Ctrl-C or the time-out kills the program.
    fn stop(&mut self, events: &Receiver<Event>) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let name = self.name;
        let _ = report::step(&format!("{name} stopped"), |_| {
            signals::ask_to_end(&self.child);
            let asked = Instant::now();
            let ending = watch(std::slice::from_mut(self), events, |_| {
                asked.elapsed() > STOP_PATIENCE
            });
            if matches!(ending, Some(Ending::Died { .. })) {
                return Ok(());
            }
            report::line(&format!("· {name} has not finished: killed"));
            self.child
                .kill()
                .and_then(|()| self.child.wait())
                .context("it cannot be killed")
                .map(drop)
        });
    }
}

/// Prints a program's lines under its name, and sends them to the main loop.
fn relay(name: &'static str, stream: Option<impl Read + Send + 'static>, sender: &Sender<Event>) {
    let Some(stream) = stream else { return };
    let sender = sender.clone();
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            report::line(&format!("{name:<7} │ {line}"));
            // The receiver is gone once the programs are being stopped.
            let _ = sender.send(Event::Printed(line));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_are_signed_with_a_secret_that_the_api_accepts() {
        assert_eq!(webhook_secret(None), SANDBOX_WEBHOOK_SECRET);
        assert_eq!(webhook_secret(Some("whsec_one")), "whsec_one");
        assert_eq!(webhook_secret(Some("whsec_old, whsec_new ")), "whsec_new");
    }
}
