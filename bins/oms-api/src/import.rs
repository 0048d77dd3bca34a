//! `oms-api import`: products, prices or stock from a file, or from standard input.

use std::convert;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use oms_database::register_tenant;
use oms_inventory::{
    Acceptance, ImportFile, ImportFileWriter, ImportFormat, ImportKind, ImportObserver,
    ImportProgress, ImportReport, ImportRequest, InventoryContext, InventoryError, Rejection,
    StockMode, import_prices, import_products, import_stock,
};
use oms_validation::{IdempotencyKey, Once, Reason, TenantId};
use tokio::io::{AsyncRead, AsyncReadExt};
use uuid::Uuid;

use crate::address_locator::GeocodedAddresses;
use crate::config::Config;
use crate::{database, serve};

/// Exit code if rows were rejected.
const ROWS_WERE_REJECTED: u8 = 2;

/// The actor of these imports in stock movements.
const ACTOR: &str = "cli";

/// The kind of data to import.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Create products, and change those whose SKU exists. CSV with the columns sku,name,amountMinor,currency, or JSON
    /// lines {"sku", "name", "prices": [{"amountMinor", "currency"}]}.
    Products {
        #[command(flatten)]
        source: Source,
    },
    /// Set prices of existing price lists. CSV with the columns priceList,sku,minQuantity,amountMinor,currency, or JSON
    /// lines {"priceList", "sku", "minQuantity", "unitPrice": {"amountMinor", "currency"}}. Without a price, a row
    /// removes one.
    Prices {
        #[command(flatten)]
        source: Source,
    },
    /// Set or receive stock. CSV with the columns sku,warehouseId,quantity, or JSON lines with the same members.
    Stock {
        #[command(flatten)]
        source: Source,
        /// What the quantities mean: set (counted stock) or receive (stock that is added).
        #[arg(long, value_enum, default_value_t = Mode::Set)]
        mode: Mode,
        /// The reason that the stock movements show.
        #[arg(long, default_value = "imported", value_parser = parse_reason)]
        reason: Reason,
    },
}

/// A file, and how to import it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Source {
    /// The file, or - for standard input.
    file: PathBuf,
    /// The format of the file. Default: by its extension, .csv, .tsv, .jsonl or .ndjson.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Import nothing if a row is rejected.
    #[arg(long)]
    all_or_nothing: bool,
    /// The key of an interrupted import, to continue it. A completed import is not repeated. Without a key, each call
    /// is a new import.
    #[arg(long, value_parser = parse_key)]
    key: Option<IdempotencyKey>,
    /// The tenant to import for. Default: OMS_TENANT_ID.
    #[arg(long)]
    tenant: Option<TenantId>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Jsonl,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Mode {
    Set,
    Receive,
}

fn parse_reason(text: &str) -> Result<Reason, String> {
    Reason::parse(text).map_err(|error| error.to_string())
}

fn parse_key(text: &str) -> Result<IdempotencyKey, String> {
    IdempotencyKey::parse(text).map_err(|error| error.to_string())
}

/// Imports, and prints the outcome of the rows.
pub(crate) async fn run(config: &Config, command: ImportCommand) -> anyhow::Result<ExitCode> {
    let (source, kind) = match &command {
        ImportCommand::Products { source } => (source, ImportKind::Products),
        ImportCommand::Prices { source } => (source, ImportKind::Prices),
        ImportCommand::Stock { source, .. } => (source, ImportKind::Stock),
    };
    let format = format_of(source)?;
    let file = read(&source.file, config.imports.body.max_bytes).await?;
    let database = database::connect(config).await?;
    let geocoder = serve::geocoder(config, &database, convert::identity)?;
    let locator = Arc::new(GeocodedAddresses(geocoder));
    let context = InventoryContext::new(database.clone(), locator, config.intake_timeout);
    let tenant = source.tenant.unwrap_or(config.tenant);
    let mut connection = database.acquire().await?;
    register_tenant(&mut connection, tenant.as_uuid()).await?;
    drop(connection);
    let key = match &source.key {
        Some(key) => key.clone(),
        None => IdempotencyKey::parse(&Uuid::new_v4().to_string())?,
    };
    let progress = Progress::new(kind, file.lines());
    let request = ImportRequest {
        file,
        format,
        acceptance: match source.all_or_nothing {
            true => Acceptance::AllOrNothing,
            false => Acceptance::EachRow,
        },
        actor: ACTOR.to_owned(),
    };
    writeln!(
        std::io::stderr(),
        "import {key}: if it is interrupted, continue it with this --key"
    )?;
    // In a task of its own, so that nothing can drop it halfway.
    let importing = tokio::spawn(async move {
        let imported = match &command {
            ImportCommand::Products { .. } => {
                import_products(&context, tenant, &key, request, &progress).await
            }
            ImportCommand::Prices { .. } => {
                import_prices(&context, tenant, &key, request, &progress).await
            }
            ImportCommand::Stock { mode, reason, .. } => {
                let mode = StockMode::from(*mode);
                import_stock(&context, tenant, &key, mode, reason, request, &progress).await
            }
        };
        progress.bar.finish_and_clear();
        imported
    });
    let imported = importing.await?;
    database.close();
    conclude(&mut std::io::stdout().lock(), imported)
}

fn conclude(
    out: &mut impl Write,
    imported: Result<Once<ImportReport>, InventoryError>,
) -> anyhow::Result<ExitCode> {
    let (rejected, rejections, summary) = match imported {
        Ok(Once::Now(report)) => {
            let summary = Summary(&report, "imported").to_string();
            (report.import.counts.rejected, report.rejections, summary)
        }
        Ok(Once::Before(report)) => {
            let summary = Summary(&report, "already imported").to_string();
            (report.import.counts.rejected, report.rejections, summary)
        }
        Err(InventoryError::ImportRejected(rejections)) => {
            let summary = "nothing was imported".to_owned();
            (rejections.count, rejections.named, summary)
        }
        Err(error) => return Err(error).context("can't import"),
    };
    for Rejection { line, code, reason } in &rejections {
        writeln!(out, "line {line}: {}: {reason}", code.as_str())?;
    }
    writeln!(out, "{summary}, {rejected} rows rejected")?;
    Ok(match rejected {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(ROWS_WERE_REJECTED),
    })
}

struct Summary<'a>(&'a ImportReport, &'static str);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ImportReport { import, .. }, done) = self;
        let counts = import.counts;
        write!(f, "{} rows {done}: ", counts.accepted())?;
        if import.kind == ImportKind::Products {
            write!(f, "{} created, ", counts.created)?;
        }
        write!(
            f,
            "{} changed, {} unchanged",
            counts.changed, counts.unchanged
        )
    }
}

fn format_of(source: &Source) -> anyhow::Result<ImportFormat> {
    let ending = source.file.extension().and_then(|ending| ending.to_str());
    let ending = ending.map(str::to_ascii_lowercase);
    match (source.format, ending.as_deref()) {
        (Some(Format::Csv), _) | (None, Some("csv" | "tsv")) => Ok(ImportFormat::Csv),
        (Some(Format::Jsonl), _) | (None, Some("jsonl" | "ndjson")) => Ok(ImportFormat::JsonLines),
        (None, _) => anyhow::bail!("specify --format csv or --format jsonl"),
    }
}

async fn read(path: &Path, max_bytes: usize) -> anyhow::Result<ImportFile> {
    let max_bytes = u64::try_from(max_bytes)?;
    let reading = async {
        match path.as_os_str() == "-" {
            true => copy(tokio::io::stdin(), max_bytes).await,
            false => copy(tokio::fs::File::open(path).await?, max_bytes).await,
        }
    };
    let read = reading.await;
    read.with_context(|| format!("can't read {}", path.display()))
}

async fn copy(mut source: impl AsyncRead + Unpin, max_bytes: u64) -> anyhow::Result<ImportFile> {
    let mut file = ImportFileWriter::new(max_bytes)?;
    let mut piece = vec![0; 1 << 16];
    loop {
        let length = source.read(&mut piece).await?;
        if length == 0 {
            return Ok(file.finish().await?);
        }
        file.write(&piece[..length]).await?;
    }
}

impl From<Mode> for StockMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Set => Self::Set,
            Mode::Receive => Self::Receive,
        }
    }
}

/// A progress bar on standard error, if that is a terminal.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn new(kind: ImportKind, lines: i32) -> Self {
        let bar = ProgressBar::new(u64::try_from(lines).unwrap_or_default());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {per_sec} {eta}")
            .expect("the template is valid");
        bar.set_style(style);
        bar.set_message(kind.as_str());
        Self { bar }
    }
}

impl ImportObserver for Progress {
    fn progressed(&self, progress: ImportProgress) {
        let (message, done) = match progress {
            ImportProgress::Checked(lines) => ("checked", lines),
            ImportProgress::Written(lines) => ("written", lines),
        };
        self.bar.set_message(message);
        self.bar
            .set_position(u64::try_from(done).unwrap_or_default());
    }
}
