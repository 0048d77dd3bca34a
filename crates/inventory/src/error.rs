//! Why a change of the inventory is refused, and how clients are told.

use oms_database::DbError;
use oms_errors::{BODY_TOO_LARGE, INTERNAL, Problem, ProblemType, invalid_field, version_mismatch};
use serde_json::{Map, Value, json};

use crate::{
    ImportFileError, InvalidHeader, ProductId, Rejection, Rejections, Shortfall, WarehouseId,
};

/// How long clients wait before they repeat a request whose outcome is not known, in seconds.
const RETRY_AFTER_S: u32 = 2;

oms_errors::problem_types! {
    /// The tenant has no such warehouse.
    WAREHOUSE_NOT_FOUND = "inventory.warehouse_not_found", NotFound, "There is no such warehouse";
    /// Another warehouse of the tenant has the name.
    WAREHOUSE_NAME_TAKEN = "inventory.warehouse_name_taken", WrongState, "Another warehouse has this name";
    /// The tenant has no such product.
    PRODUCT_NOT_FOUND = "inventory.product_not_found", NotFound, "There is no such product";
    /// Another product of the tenant has the SKU.
    SKU_TAKEN = "inventory.sku_taken", WrongState, "Another product has this SKU";
    /// The warehouse never had the product.
    STOCK_LEVEL_NOT_FOUND = "inventory.stock_level_not_found", NotFound, "There is no such stock level";
    /// A warehouse ID in the body is not one of the tenant's.
    UNKNOWN_WAREHOUSE = "inventory.unknown_warehouse", Unprocessable, "A warehouse does not exist";
    /// A product ID in the body is not one of the tenant's.
    UNKNOWN_PRODUCT = "inventory.unknown_product", Unprocessable, "A product to be moved does not exist";
    /// Fewer units are unreserved than the request takes away. `shortfalls` says where, and how many are unreserved.
    INSUFFICIENT_STOCK = "inventory.insufficient_stock", Unprocessable, "There are not as many pieces that no order holds";
    /// A stock level would exceed 1,000,000,000 units.
    TOO_MUCH_STOCK = "inventory.too_much_stock", Unprocessable, "There would be more pieces than a stock level can have";
    /// The idempotency key was used with another request.
    KEY_REUSED = "inventory.idempotency_key_reused", Unprocessable, "The idempotency key stands for another change of the inventory";
    /// The tenant has no such import.
    IMPORT_NOT_FOUND = "inventory.import_not_found", NotFound, "There is no such import";
    /// The first line of a CSV file does not name the columns.
    IMPORT_HEADER = "inventory.import_header", InvalidRequest, "The file does not begin with its columns";
    /// The file is compressed, a workbook, or in an encoding other than UTF-8.
    IMPORT_ENCODING = "inventory.import_encoding", InvalidRequest, "The file is not UTF-8 text";
    /// The file has no rows.
    IMPORT_EMPTY = "inventory.import_empty", InvalidRequest, "There is nothing in the file to import";
    /// The file has more than 250,000 lines.
    IMPORT_TOO_LONG = "inventory.import_too_long", PayloadTooLarge, "The file has too many lines";
    /// At least one row was rejected, and the request asked for all rows or none. Nothing was imported; the body lists the rejected rows.
    IMPORT_REJECTED = "inventory.import_rejected", Unprocessable, "Rows of the file were rejected, and nothing was imported";
    /// Another request with the same key is importing the file. Repeat the request after `Retry-After` seconds.
    IMPORT_IN_PROGRESS = "inventory.import_in_progress", Conflict, "This import is being carried out";
    /// The instance has as many imports in progress as it accepts, or the tenant has as many as it may. Repeat the request after `Retry-After` seconds.
    IMPORTS_BUSY = "inventory.imports_busy", Unavailable, "Too many imports are under way";
    /// The answer of the database was lost. Repeat the request, with the same idempotency key if it had one.
    OUTCOME_UNKNOWN = "inventory.outcome_unknown", Unavailable, "It is not known whether the inventory was changed; repeat the same request";
}

/// Why the inventory can't be changed or read.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The database did not do its part. Nothing was kept.
    #[error(transparent)]
    Database(DbError),
    /// The answer to COMMIT was lost.
    #[error("the outcome is not known: {0}")]
    OutcomeUnknown(String),
    /// The address has no place, or nobody can be asked for it now.
    #[error(transparent)]
    Locating(Problem),
    /// A warehouse has neither an address nor a location.
    #[error("it needs an address or a location")]
    NoPlace,
    /// No such warehouse in this store.
    #[error("there is no such warehouse")]
    WarehouseNotFound,
    /// Another warehouse has the name.
    #[error("another warehouse has this name")]
    WarehouseNameTaken,
    /// No such product in this store.
    #[error("there is no such product")]
    ProductNotFound,
    /// Another product has the stock keeping unit.
    #[error("another product has this SKU")]
    SkuTaken,
    /// The warehouse never had the product.
    #[error("there is no such stock level")]
    StockLevelNotFound,
    /// Stock was to be moved at a warehouse that is not of this store.
    #[error("there is no warehouse {0}")]
    UnknownWarehouse(WarehouseId),
    /// Stock was to be moved of products that are not of this store.
    #[error("there are no products {0:?}")]
    UnknownProducts(Vec<ProductId>),
    /// More was to be taken away than there is that no order holds.
    #[error("there is too little stock")]
    InsufficientStock(Vec<Shortfall>),
    /// There would be too much of these products.
    #[error("there would be too much stock")]
    TooMuchStock(Vec<ProductId>),
    /// The key stands for another request.
    #[error("the idempotency key stands for another request")]
    KeyReused,
    /// No such import in this store.
    #[error("there is no such import")]
    ImportNotFound,
    /// The first line of a CSV file does not name the columns.
    #[error(transparent)]
    ImportHeader(InvalidHeader),
    /// A file is not text in UTF-8.
    #[error("the file is {0}")]
    ImportEncoding(&'static str),
    /// A file has no row.
    #[error("the file has no row")]
    ImportEmpty,
    /// A file can't be taken.
    #[error(transparent)]
    ImportFile(ImportFileError),
    /// Rows were rejected, and all or none were to be imported.
    #[error("{} rows were rejected", .0.count)]
    ImportRejected(Rejections),
    /// Another request goes on with the import.
    #[error("the import is being carried out")]
    ImportInProgress,
    /// The thing is not in the version any more that the change is for.
    #[error("it is in version {version}")]
    Changed {
        /// The version that it is in.
        version: i32,
    },
}

impl From<DbError> for InventoryError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::CommitOutcomeUnknown(cause) => Self::OutcomeUnknown(cause),
            // The names that PostgreSQL gave to the unique keys of the tables.
            DbError::UniqueViolation { constraint } => match constraint.as_str() {
                "warehouses_tenant_id_name_key" => Self::WarehouseNameTaken,
                "products_tenant_id_sku_key" => Self::SkuTaken,
                _ => Self::Database(DbError::UniqueViolation { constraint }),
            },
            error => Self::Database(error),
        }
    }
}

impl InventoryError {
    /// The answer to a request some of whose changes are committed: not that nothing was kept.
    pub(crate) fn after_commit(self) -> Self {
        match self {
            Self::Database(error) if error.is_transient() => {
                Self::OutcomeUnknown(error.to_string())
            }
            error => error,
        }
    }
}

impl From<InventoryError> for Problem {
    fn from(error: InventoryError) -> Self {
        match error {
            InventoryError::Database(error) => error.into(),
            InventoryError::OutcomeUnknown(cause) => Self::of(&OUTCOME_UNKNOWN)
                .with_retry_after_s(RETRY_AFTER_S)
                .with_source(cause),
            InventoryError::Locating(problem) => problem,
            InventoryError::NoPlace => {
                invalid_field("location", "is required where there is no address")
            }
            InventoryError::WarehouseNotFound => Self::of(&WAREHOUSE_NOT_FOUND),
            InventoryError::WarehouseNameTaken => Self::of(&WAREHOUSE_NAME_TAKEN),
            InventoryError::ProductNotFound => Self::of(&PRODUCT_NOT_FOUND),
            InventoryError::SkuTaken => Self::of(&SKU_TAKEN),
            InventoryError::StockLevelNotFound => Self::of(&STOCK_LEVEL_NOT_FOUND),
            InventoryError::UnknownWarehouse(id) => {
                Self::of(&UNKNOWN_WAREHOUSE).with_extension("warehouseId", id.to_string())
            }
            InventoryError::UnknownProducts(ids) => about(&UNKNOWN_PRODUCT, &ids),
            InventoryError::InsufficientStock(shortfalls) => {
                insufficient(shortfalls.iter().map(with_level))
            }
            InventoryError::TooMuchStock(ids) => about(&TOO_MUCH_STOCK, &ids),
            InventoryError::KeyReused => Self::of(&KEY_REUSED),
            InventoryError::ImportNotFound => Self::of(&IMPORT_NOT_FOUND),
            InventoryError::ImportHeader(error) => Self::new(&IMPORT_HEADER, error.to_string()),
            InventoryError::ImportEncoding(_) => Self::new(&IMPORT_ENCODING, error.to_string()),
            InventoryError::ImportEmpty => Self::of(&IMPORT_EMPTY),
            InventoryError::ImportFile(error) => not_taken(error),
            InventoryError::ImportRejected(rejections) => rejected(&rejections),
            InventoryError::ImportInProgress => {
                Self::of(&IMPORT_IN_PROGRESS).with_retry_after_s(RETRY_AFTER_S)
            }
            InventoryError::Changed { version } => version_mismatch(version),
        }
    }
}

fn about(problem_type: &'static ProblemType, products: &[ProductId]) -> Problem {
    let ids: Vec<Value> = products.iter().map(|id| id.to_string().into()).collect();
    Problem::of(problem_type).with_extension("productIds", ids)
}

pub(crate) fn insufficient(shortfalls: impl Iterator<Item = Value>) -> Problem {
    let shortfalls: Vec<Value> = shortfalls.collect();
    Problem::of(&INSUFFICIENT_STOCK).with_extension("shortfalls", shortfalls)
}

fn with_level(shortfall: &Shortfall) -> Value {
    let mut members = without_level(shortfall);
    members.insert("removable".to_owned(), shortfall.removable.into());
    members.into()
}

pub(crate) fn without_level(shortfall: &Shortfall) -> Map<String, Value> {
    let members = [
        ("warehouseId", json!(shortfall.warehouse_id)),
        ("productId", json!(shortfall.product_id)),
        ("wanted", json!(shortfall.wanted)),
    ];
    members
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

fn not_taken(error: ImportFileError) -> Problem {
    match error {
        ImportFileError::TooManyLines => Problem::new(&IMPORT_TOO_LONG, error.to_string()),
        ImportFileError::TooLarge(_) => Problem::new(&BODY_TOO_LARGE, error.to_string()),
        ImportFileError::Disk(_) => Problem::of(&INTERNAL).with_source(error),
    }
}

fn rejected(rejections: &Rejections) -> Problem {
    let named = |Rejection { line, code, reason }: &Rejection| json!({ "line": line, "code": code.as_str(), "reason": reason });
    let named: Vec<Value> = rejections.named.iter().map(named).collect();
    Problem::of(&IMPORT_REJECTED)
        .with_extension("rejected", rejections.count)
        .with_extension("rejections", named)
}
