//! The errors of inventory, and the problems that they become for clients.

use oms_database::DbError;
use oms_errors::{
    BODY_TOO_LARGE, FieldError, INTERNAL, Problem, ProblemType, invalid_field, version_mismatch,
};
use oms_validation::{Currency, ProductId, WarehouseId};
use serde_json::{Map, Value, json};

use crate::domain::price_list::NeverValid;
use crate::domain::stock_change::RefusedChange;
use crate::{ImportFileError, InvalidHeader, Rejection, Rejections, Shortfall};

/// `Retry-After` of a request whose outcome is unknown, in seconds.
const RETRY_AFTER_S: u32 = 2;

oms_errors::problem_types! {
    /// The tenant has no such warehouse.
    WAREHOUSE_NOT_FOUND = "inventory.warehouse_not_found", NotFound, "Warehouse not found";
    /// Another warehouse of the tenant already has the name.
    WAREHOUSE_NAME_TAKEN = "inventory.warehouse_name_taken", WrongState, "Warehouse name already in use";
    /// The open work of the warehouse is moving to others, so that it can't be activated. Stop the evacuation first.
    WAREHOUSE_EVACUATED = "inventory.warehouse_evacuated", WrongState, "The warehouse is being evacuated";
    /// The tenant has no such product.
    PRODUCT_NOT_FOUND = "inventory.product_not_found", NotFound, "Product not found";
    /// Another product of the tenant already has the SKU.
    SKU_TAKEN = "inventory.sku_taken", WrongState, "SKU already in use";
    /// The tenant has no such price list.
    PRICE_LIST_NOT_FOUND = "inventory.price_list_not_found", NotFound, "Price list not found";
    /// Another price list of the tenant already has the code.
    PRICE_LIST_CODE_TAKEN = "inventory.price_list_code_taken", WrongState, "Price list code already in use";
    /// A price is in another currency than its list. `errors` names the first one that is.
    PRICE_LIST_CURRENCY = "inventory.price_list_currency", Unprocessable, "Price in another currency";
    /// The warehouse has never stocked the product.
    STOCK_LEVEL_NOT_FOUND = "inventory.stock_level_not_found", NotFound, "Stock level not found";
    /// A warehouse in the body does not exist.
    UNKNOWN_WAREHOUSE = "inventory.unknown_warehouse", Unprocessable, "Unknown warehouse in request";
    /// A product in the body does not exist.
    UNKNOWN_PRODUCT = "inventory.unknown_product", Unprocessable, "Unknown product in request";
    /// The request removes more units than are unreserved and not in quarantine. `shortfalls` lists the stock levels
    /// and these units.
    INSUFFICIENT_STOCK = "inventory.insufficient_stock", Unprocessable, "Not enough unreserved stock";
    /// The request takes more units out of quarantine than are in it. `shortfalls` lists the stock levels and their
    /// units in quarantine.
    INSUFFICIENT_QUARANTINE = "inventory.insufficient_quarantine", Unprocessable, "Not enough stock in quarantine";
    /// A stock level would exceed 1,000,000,000 units.
    TOO_MUCH_STOCK = "inventory.too_much_stock", Unprocessable, "Stock level limit exceeded";
    /// The idempotency key was already used with a different request.
    KEY_REUSED = "inventory.idempotency_key_reused", Unprocessable, "Idempotency key already used";
    /// The tenant has no such import.
    IMPORT_NOT_FOUND = "inventory.import_not_found", NotFound, "Import not found";
    /// The first line of a CSV file does not name the columns.
    IMPORT_HEADER = "inventory.import_header", InvalidRequest, "Invalid CSV header";
    /// The file is compressed, a workbook, or in an encoding other than UTF-8.
    IMPORT_ENCODING = "inventory.import_encoding", InvalidRequest, "File is not UTF-8 text";
    /// The file has no rows.
    IMPORT_EMPTY = "inventory.import_empty", InvalidRequest, "File has no rows";
    /// The file has more than 250,000 lines.
    IMPORT_TOO_LONG = "inventory.import_too_long", PayloadTooLarge, "File has too many lines";
    /// At least one row was rejected, and the request asked for all rows or none. Nothing was imported; the body lists the rejected rows.
    IMPORT_REJECTED = "inventory.import_rejected", Unprocessable, "Rows rejected, nothing imported";
    /// Another request with the same key is importing the file. Repeat the request after `Retry-After` seconds.
    IMPORT_IN_PROGRESS = "inventory.import_in_progress", Conflict, "Import already in progress";
    /// The instance or the tenant has reached its limit of concurrent imports. Repeat the request after `Retry-After`
    /// seconds.
    IMPORTS_BUSY = "inventory.imports_busy", Unavailable, "Too many imports in progress";
    /// The database's answer was lost, so the change may or may not have been made. Repeat the request, with the same
    /// idempotency key if it had one.
    OUTCOME_UNKNOWN = "inventory.outcome_unknown", Unavailable, "Outcome unknown, repeat the request";
}

/// An error of a use case of inventory.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The database failed. Nothing was saved.
    #[error(transparent)]
    Database(DbError),
    /// The answer to COMMIT was lost.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// The address can't be geocoded, or the geocoder is unavailable.
    #[error(transparent)]
    Locating(Problem),
    /// A new warehouse has neither an address nor a location.
    #[error("a warehouse needs an address or a location")]
    NoPlace,
    /// The tenant has no such warehouse.
    #[error("there is no such warehouse")]
    WarehouseNotFound,
    /// Another warehouse already has the name.
    #[error("another warehouse has this name")]
    WarehouseNameTaken,
    /// An evacuation keeps the warehouse inactive.
    #[error("the warehouse is being evacuated")]
    WarehouseEvacuated,
    /// The tenant has no such product.
    #[error("there is no such product")]
    ProductNotFound,
    /// Another product already has the SKU.
    #[error("another product has this SKU")]
    SkuTaken,
    /// The tenant has no such price list.
    #[error("there is no such price list")]
    PriceListNotFound,
    /// Another price list already has the code.
    #[error("another price list has this code")]
    PriceListCodeTaken,
    /// The price at this position is in another currency than its list.
    #[error("a price is not in {currency}")]
    PriceListCurrency {
        /// The position of the price in the request.
        index: usize,
        /// The currency of the list.
        currency: Currency,
    },
    /// The list would never be valid.
    #[error("the price list would never be valid")]
    NeverValid,
    /// The warehouse has never stocked the product.
    #[error("there is no such stock level")]
    StockLevelNotFound,
    /// A change of stock names a warehouse that the tenant doesn't have.
    #[error("there is no warehouse {0}")]
    UnknownWarehouse(WarehouseId),
    /// A change of stock names products that the tenant doesn't have.
    #[error("there are no products {0:?}")]
    UnknownProducts(Vec<ProductId>),
    /// More units were to be removed than are unreserved.
    #[error("there is not enough unreserved stock")]
    InsufficientStock(Vec<Shortfall>),
    /// More units were to leave quarantine than are in it.
    #[error("there is not enough stock in quarantine")]
    InsufficientQuarantine(Vec<Shortfall>),
    /// A level of these products would exceed its limit.
    #[error("a stock level would exceed its limit")]
    TooMuchStock(Vec<ProductId>),
    /// The key was already used with a different request.
    #[error("the idempotency key was already used with a different request")]
    KeyReused,
    /// The tenant has no such import.
    #[error("there is no such import")]
    ImportNotFound,
    /// The first line of a CSV file does not name the columns.
    #[error(transparent)]
    ImportHeader(InvalidHeader),
    /// The file is not UTF-8 text.
    #[error("the file is {0}")]
    ImportEncoding(&'static str),
    /// The file has no rows.
    #[error("the file has no rows")]
    ImportEmpty,
    /// The file can't be accepted.
    #[error(transparent)]
    ImportFile(ImportFileError),
    /// Rows were rejected, and the request asked for all rows or none.
    #[error("{} rows were rejected", .0.count)]
    ImportRejected(Rejections),
    /// Another request is running the import.
    #[error("the import is already in progress")]
    ImportInProgress,
    /// The resource no longer has the version that the change was made for.
    #[error("the current version is {version}")]
    Changed {
        /// The current version.
        version: i32,
    },
}

impl From<DbError> for InventoryError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::CommitOutcomeUnknown(cause) => Self::OutcomeUnknown(cause),
            // PostgreSQL generated these names of unique keys.
            DbError::UniqueViolation { constraint } => match constraint.as_str() {
                "warehouses_tenant_id_name_key" => Self::WarehouseNameTaken,
                "products_tenant_id_sku_key" => Self::SkuTaken,
                "price_lists_code" => Self::PriceListCodeTaken,
                _ => Self::Database(DbError::UniqueViolation { constraint }),
            },
            error => Self::Database(error),
        }
    }
}

impl From<RefusedChange> for InventoryError {
    fn from(refused: RefusedChange) -> Self {
        match refused {
            RefusedChange::UnknownWarehouse(id) => Self::UnknownWarehouse(id),
            RefusedChange::UnknownProducts(ids) => Self::UnknownProducts(ids),
            RefusedChange::Insufficient(shortfalls) => Self::InsufficientStock(shortfalls),
            RefusedChange::InsufficientQuarantine(shortfalls) => {
                Self::InsufficientQuarantine(shortfalls)
            }
            RefusedChange::TooMuch(products) => Self::TooMuchStock(products),
        }
    }
}

impl InventoryError {
    /// Whether another transaction holds a lock that was needed.
    pub(crate) fn is_contended(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_contended())
    }

    /// The error for a request that has already committed some changes: it must not claim that nothing was saved.
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
            InventoryError::NoPlace => invalid_field("location", "is required without an address"),
            InventoryError::WarehouseNotFound => Self::of(&WAREHOUSE_NOT_FOUND),
            InventoryError::WarehouseNameTaken => Self::of(&WAREHOUSE_NAME_TAKEN),
            InventoryError::WarehouseEvacuated => Self::of(&WAREHOUSE_EVACUATED),
            InventoryError::ProductNotFound => Self::of(&PRODUCT_NOT_FOUND),
            InventoryError::SkuTaken => Self::of(&SKU_TAKEN),
            InventoryError::PriceListNotFound => Self::of(&PRICE_LIST_NOT_FOUND),
            InventoryError::PriceListCodeTaken => Self::of(&PRICE_LIST_CODE_TAKEN),
            InventoryError::PriceListCurrency { index, currency } => {
                let field = FieldError {
                    field: format!("prices[{index}].unitPrice.currency"),
                    message: format!("must be {currency}, the currency of the list"),
                };
                Self::of(&PRICE_LIST_CURRENCY).with_fields(vec![field])
            }
            InventoryError::NeverValid => invalid_field("validUntil", NeverValid.to_string()),
            InventoryError::StockLevelNotFound => Self::of(&STOCK_LEVEL_NOT_FOUND),
            InventoryError::UnknownWarehouse(id) => {
                Self::of(&UNKNOWN_WAREHOUSE).with_extension("warehouseId", id.to_string())
            }
            InventoryError::UnknownProducts(ids) => about(&UNKNOWN_PRODUCT, &ids),
            InventoryError::InsufficientStock(shortfalls) => {
                insufficient(&INSUFFICIENT_STOCK, shortfalls.iter().map(with_level))
            }
            InventoryError::InsufficientQuarantine(shortfalls) => {
                insufficient(&INSUFFICIENT_QUARANTINE, shortfalls.iter().map(with_level))
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

pub(crate) fn insufficient(
    problem_type: &'static ProblemType,
    shortfalls: impl Iterator<Item = Value>,
) -> Problem {
    let shortfalls: Vec<Value> = shortfalls.collect();
    Problem::of(problem_type).with_extension("shortfalls", shortfalls)
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
