//! The privileges of the serving role on the tables of fulfilment.

use oms_database::Grant;

/// The privileges of the serving role.
pub const GRANTS: &[Grant] = &[
    Grant::write("fulfilment.fulfilment_orders"),
    Grant::all("fulfilment.lines"),
    Grant::all("fulfilment.holds"),
    Grant::write("fulfilment.shipments"),
    Grant::append("fulfilment.shipment_lines"),
    Grant::write("fulfilment.parcels"),
    Grant::append("fulfilment.tracking_events").updating(&["detail"]),
    Grant::append("fulfilment.moves").updating(&["trace", "reason"]),
    Grant::all("fulfilment.exclusions"),
    Grant::write("fulfilment.evacuations"),
    Grant::all("fulfilment.evacuated_orders"),
    Grant::write("fulfilment.returns"),
    Grant::append("fulfilment.return_lines").updating(&[
        "restocked",
        "quarantined",
        "discarded",
        "missing",
        "accepted",
    ]),
    Grant::append("fulfilment.return_receipts"),
];
