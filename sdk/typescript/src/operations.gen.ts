// Written by scripts/generate.ts from bins/oms-api/openapi.json.
import type { Pages } from './pages.ts';
import type { CallOptions, Http, KeyOptions, Result, VersionOptions } from './request.ts';
import { type Answer, type Body, type Entry, type KeyedVersionOptions, type Query, type ReadOptions, Resource } from './resource.ts';
import type * as t from './types.gen.ts';

/** Operations of events. */
export class Events extends Resource {
  /** List event types. */
  listEventTypes(options?: ReadOptions): Promise<Result<t.ListEventTypesResponses[200]>> {
    return this.read('/event-types', {}, undefined, options);
  }

  /** Read the feed of events. */
  listEvents(query?: Query<t.ListEventsData>, options?: ReadOptions): Promise<Result<t.ListEventsResponses[200]>> {
    return this.read('/events', {}, query, options);
  }

  /** Get an event. */
  getEvent(id: NonNullable<t.GetEventData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetEventResponses[200]>> {
    return this.read('/events/{id}', { id }, undefined, options);
  }
}

/** Operations of fulfilment. */
export class Fulfilment extends Resource {
  /** List evacuations. */
  listEvacuations(query?: Query<t.ListEvacuationsData>, options?: CallOptions): Pages<Entry<t.ListEvacuationsResponses>> {
    return this.list('/evacuations', {}, query, options);
  }

  /** Get an evacuation. */
  getEvacuation(id: NonNullable<t.GetEvacuationData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetEvacuationResponses[200]>> {
    return this.read('/evacuations/{id}', { id }, undefined, options);
  }

  /** List what an evacuation did. */
  listEvacuatedOrders(id: NonNullable<t.ListEvacuatedOrdersData['path']>['id'], query?: Query<t.ListEvacuatedOrdersData>, options?: CallOptions): Pages<Entry<t.ListEvacuatedOrdersResponses>> {
    return this.list('/evacuations/{id}/fulfilment-orders', { id }, query, options);
  }

  /** Resume an evacuation. */
  resumeEvacuation(id: NonNullable<t.ResumeEvacuationData['path']>['id'], options?: KeyOptions): Promise<Result<Answer<t.ResumeEvacuationResponses>>> {
    return this.post('/evacuations/{id}/resume', { id }, undefined, options);
  }

  /** Stop an evacuation. */
  stopEvacuation(id: NonNullable<t.StopEvacuationData['path']>['id'], options?: KeyOptions): Promise<Result<Answer<t.StopEvacuationResponses>>> {
    return this.post('/evacuations/{id}/stop', { id }, undefined, options);
  }

  /** List fulfilment orders. */
  listFulfilmentOrders(query?: Query<t.ListFulfilmentOrdersData>, options?: CallOptions): Pages<Entry<t.ListFulfilmentOrdersResponses>> {
    return this.list('/fulfilment-orders', {}, query, options);
  }

  /** Get a fulfilment order. */
  getFulfilmentOrder(id: NonNullable<t.GetFulfilmentOrderData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetFulfilmentOrderResponses[200]>> {
    return this.read('/fulfilment-orders/{id}', { id }, undefined, options);
  }

  /** Hold a fulfilment order back. */
  placeHold(id: NonNullable<t.PlaceHoldData['path']>['id'], body: Body<t.PlaceHoldData>, options?: KeyOptions): Promise<Result<Answer<t.PlaceHoldResponses>>> {
    return this.post('/fulfilment-orders/{id}/holds', { id }, body, options);
  }

  /** Release a hold. */
  releaseHold(id: NonNullable<t.ReleaseHoldData['path']>['id'], handle: NonNullable<t.ReleaseHoldData['path']>['handle'], options?: CallOptions): Promise<Result<Answer<t.ReleaseHoldResponses>>> {
    return this.remove('/fulfilment-orders/{id}/holds/{handle}', { id, handle }, options);
  }

  /** Move to another warehouse. */
  moveFulfilmentOrder(id: NonNullable<t.MoveFulfilmentOrderData['path']>['id'], body: Body<t.MoveFulfilmentOrderData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.MoveFulfilmentOrderResponses>>> {
    return this.post('/fulfilment-orders/{id}/move', { id }, body, options);
  }

  /** Reject what can't be sent. */
  rejectFulfilmentOrder(id: NonNullable<t.RejectFulfilmentOrderData['path']>['id'], body: Body<t.RejectFulfilmentOrderData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.RejectFulfilmentOrderResponses>>> {
    return this.post('/fulfilment-orders/{id}/reject', { id }, body, options);
  }

  /** Pack or ship. */
  createShipment(id: NonNullable<t.CreateShipmentData['path']>['id'], body: Body<t.CreateShipmentData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.CreateShipmentResponses>>> {
    return this.post('/fulfilment-orders/{id}/shipments', { id }, body, options);
  }

  /** Begin to work on a fulfilment order. */
  startFulfilmentOrder(id: NonNullable<t.StartFulfilmentOrderData['path']>['id'], options?: KeyedVersionOptions): Promise<Result<Answer<t.StartFulfilmentOrderResponses>>> {
    return this.post('/fulfilment-orders/{id}/start', { id }, undefined, options);
  }

  /** Return a fulfilment order to the work list. */
  stopFulfilmentOrder(id: NonNullable<t.StopFulfilmentOrderData['path']>['id'], options?: KeyedVersionOptions): Promise<Result<Answer<t.StopFulfilmentOrderResponses>>> {
    return this.post('/fulfilment-orders/{id}/stop', { id }, undefined, options);
  }

  /** List an order's fulfilment orders. */
  listOrderFulfilmentOrders(id: NonNullable<t.ListOrderFulfilmentOrdersData['path']>['id'], options?: ReadOptions): Promise<Result<t.ListOrderFulfilmentOrdersResponses[200]>> {
    return this.read('/orders/{id}/fulfilment-orders', { id }, undefined, options);
  }

  /** List an order's moves. */
  listOrderMoves(id: NonNullable<t.ListOrderMovesData['path']>['id'], options?: ReadOptions): Promise<Result<t.ListOrderMovesResponses[200]>> {
    return this.read('/orders/{id}/moves', { id }, undefined, options);
  }

  /** List shipments. */
  listShipments(query?: Query<t.ListShipmentsData>, options?: CallOptions): Pages<Entry<t.ListShipmentsResponses>> {
    return this.list('/shipments', {}, query, options);
  }

  /** Create and ship up to 100 shipments. */
  shipTogether(body: Body<t.ShipTogetherData>, options?: CallOptions): Promise<Result<Answer<t.ShipTogetherResponses>>> {
    return this.ask('/shipments/batch', {}, body, options);
  }

  /** Get a shipment. */
  getShipment(id: NonNullable<t.GetShipmentData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetShipmentResponses[200]>> {
    return this.read('/shipments/{id}', { id }, undefined, options);
  }

  /** Cancel a shipment that never left. */
  cancelShipment(id: NonNullable<t.CancelShipmentData['path']>['id'], body: Body<t.CancelShipmentData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.CancelShipmentResponses>>> {
    return this.post('/shipments/{id}/cancel', { id }, body, options);
  }

  /** Record a delivery. */
  deliverShipment(id: NonNullable<t.DeliverShipmentData['path']>['id'], body: Body<t.DeliverShipmentData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.DeliverShipmentResponses>>> {
    return this.post('/shipments/{id}/deliver', { id }, body, options);
  }

  /** Change a parcel. */
  changeParcel(id: NonNullable<t.ChangeParcelData['path']>['id'], parcel: NonNullable<t.ChangeParcelData['path']>['parcel'], body: Body<t.ChangeParcelData>, options: VersionOptions): Promise<Result<Answer<t.ChangeParcelResponses>>> {
    return this.change('PATCH', '/shipments/{id}/parcels/{parcel}', { id, parcel }, body, options);
  }

  /** Ship a packed shipment. */
  shipShipment(id: NonNullable<t.ShipShipmentData['path']>['id'], body: Body<t.ShipShipmentData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.ShipShipmentResponses>>> {
    return this.post('/shipments/{id}/ship', { id }, body, options);
  }

  /** Record a carrier's report. */
  recordTracking(id: NonNullable<t.RecordTrackingData['path']>['id'], body: Body<t.RecordTrackingData>, options?: CallOptions): Promise<Result<Answer<t.RecordTrackingResponses>>> {
    return this.ask('/shipments/{id}/tracking', { id }, body, options);
  }

  /** Evacuate a warehouse. */
  evacuateWarehouse(id: NonNullable<t.EvacuateWarehouseData['path']>['id'], body: Body<t.EvacuateWarehouseData>, options?: KeyOptions): Promise<Result<Answer<t.EvacuateWarehouseResponses>>> {
    return this.post('/warehouses/{id}/evacuate', { id }, body, options);
  }
}

/** Operations of inventory. */
export class Inventory extends Resource {
  /** Import prices of price lists. */
  importPrices(file: BodyInit, mediaType: 'application/jsonl' | 'application/x-ndjson' | 'text/csv', query?: Query<t.ImportPricesData>, options?: KeyOptions): Promise<Result<Answer<t.ImportPricesResponses>>> {
    return this.upload('/imports/prices', {}, query, file, mediaType, options);
  }

  /** Import products. */
  importProducts(file: BodyInit, mediaType: 'application/jsonl' | 'application/x-ndjson' | 'text/csv', query?: Query<t.ImportProductsData>, options?: KeyOptions): Promise<Result<Answer<t.ImportProductsResponses>>> {
    return this.upload('/imports/products', {}, query, file, mediaType, options);
  }

  /** Import stock. */
  importStock(file: BodyInit, mediaType: 'application/jsonl' | 'application/x-ndjson' | 'text/csv', query?: Query<t.ImportStockData>, options?: KeyOptions): Promise<Result<Answer<t.ImportStockResponses>>> {
    return this.upload('/imports/stock', {}, query, file, mediaType, options);
  }

  /** Get an import report. */
  getImport(id: NonNullable<t.GetImportData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetImportResponses[200]>> {
    return this.read('/imports/{id}', { id }, undefined, options);
  }

  /** List price lists. */
  listPriceLists(query?: Query<t.ListPriceListsData>, options?: CallOptions): Pages<Entry<t.ListPriceListsResponses>> {
    return this.list('/price-lists', {}, query, options);
  }

  /** Create a price list. */
  createPriceList(body: Body<t.CreatePriceListData>, options?: KeyOptions): Promise<Result<Answer<t.CreatePriceListResponses>>> {
    return this.post('/price-lists', {}, body, options);
  }

  /** Get a price list. */
  getPriceList(id: NonNullable<t.GetPriceListData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetPriceListResponses[200]>> {
    return this.read('/price-lists/{id}', { id }, undefined, options);
  }

  /** Change, activate or deactivate a price list. */
  changePriceList(id: NonNullable<t.ChangePriceListData['path']>['id'], body: Body<t.ChangePriceListData>, options: VersionOptions): Promise<Result<Answer<t.ChangePriceListResponses>>> {
    return this.change('PATCH', '/price-lists/{id}', { id }, body, options);
  }

  /** List the prices of a price list. */
  listPrices(id: NonNullable<t.ListPricesData['path']>['id'], query?: Query<t.ListPricesData>, options?: CallOptions): Pages<Entry<t.ListPricesResponses>> {
    return this.list('/price-lists/{id}/prices', { id }, query, options);
  }

  /** Replace the prices of a price list. */
  setPrices(id: NonNullable<t.SetPricesData['path']>['id'], body: Body<t.SetPricesData>, options: VersionOptions): Promise<Result<Answer<t.SetPricesResponses>>> {
    return this.change('PUT', '/price-lists/{id}/prices', { id }, body, options);
  }

  /** List products. */
  listProducts(query?: Query<t.ListProductsData>, options?: CallOptions): Pages<Entry<t.ListProductsResponses>> {
    return this.list('/products', {}, query, options);
  }

  /** Create a product. */
  createProduct(body: Body<t.CreateProductData>, options?: KeyOptions): Promise<Result<Answer<t.CreateProductResponses>>> {
    return this.post('/products', {}, body, options);
  }

  /** Get a product. */
  getProduct(id: NonNullable<t.GetProductData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetProductResponses[200]>> {
    return this.read('/products/{id}', { id }, undefined, options);
  }

  /** Change a product. */
  changeProduct(id: NonNullable<t.ChangeProductData['path']>['id'], body: Body<t.ChangeProductData>, options: VersionOptions): Promise<Result<Answer<t.ChangeProductResponses>>> {
    return this.change('PATCH', '/products/{id}', { id }, body, options);
  }

  /** List stock levels. */
  listStockLevels(query?: Query<t.ListStockLevelsData>, options?: CallOptions): Pages<Entry<t.ListStockLevelsResponses>> {
    return this.list('/stock-levels', {}, query, options);
  }

  /** Adjust stock. */
  adjustStock(body: Body<t.AdjustStockData>, options?: KeyOptions): Promise<Result<Answer<t.AdjustStockResponses>>> {
    return this.post('/stock-levels/adjust', {}, body, options);
  }

  /** Put stock into quarantine. */
  quarantineStock(body: Body<t.QuarantineStockData>, options?: KeyOptions): Promise<Result<Answer<t.QuarantineStockResponses>>> {
    return this.post('/stock-levels/quarantine', {}, body, options);
  }

  /** Release stock from quarantine. */
  releaseQuarantine(body: Body<t.ReleaseQuarantineData>, options?: KeyOptions): Promise<Result<Answer<t.ReleaseQuarantineResponses>>> {
    return this.post('/stock-levels/quarantine/release', {}, body, options);
  }

  /** Write off stock in quarantine. */
  writeOffQuarantine(body: Body<t.WriteOffQuarantineData>, options?: KeyOptions): Promise<Result<Answer<t.WriteOffQuarantineResponses>>> {
    return this.post('/stock-levels/quarantine/write-off', {}, body, options);
  }

  /** Receive stock. */
  receiveStock(body: Body<t.ReceiveStockData>, options?: KeyOptions): Promise<Result<Answer<t.ReceiveStockResponses>>> {
    return this.post('/stock-levels/receive', {}, body, options);
  }

  /** Transfer stock. */
  transferStock(body: Body<t.TransferStockData>, options?: KeyOptions): Promise<Result<Answer<t.TransferStockResponses>>> {
    return this.post('/stock-levels/transfer', {}, body, options);
  }

  /** Get the safety stock. */
  getSafetyStock(warehouse: NonNullable<t.GetSafetyStockData['path']>['warehouse'], product: NonNullable<t.GetSafetyStockData['path']>['product'], options?: ReadOptions): Promise<Result<t.GetSafetyStockResponses[200]>> {
    return this.read('/stock-levels/{warehouse}/{product}/safety-stock', { warehouse, product }, undefined, options);
  }

  /** Set the safety stock. */
  setSafetyStock(warehouse: NonNullable<t.SetSafetyStockData['path']>['warehouse'], product: NonNullable<t.SetSafetyStockData['path']>['product'], body: Body<t.SetSafetyStockData>, options: VersionOptions): Promise<Result<Answer<t.SetSafetyStockResponses>>> {
    return this.change('PUT', '/stock-levels/{warehouse}/{product}/safety-stock', { warehouse, product }, body, options);
  }

  /** List stock movements. */
  listStockMovements(query?: Query<t.ListStockMovementsData>, options?: CallOptions): Pages<Entry<t.ListStockMovementsResponses>> {
    return this.list('/stock-movements', {}, query, options);
  }

  /** List warehouses. */
  listWarehouses(query?: Query<t.ListWarehousesData>, options?: CallOptions): Pages<Entry<t.ListWarehousesResponses>> {
    return this.list('/warehouses', {}, query, options);
  }

  /** Create a warehouse. */
  createWarehouse(body: Body<t.CreateWarehouseData>, options?: KeyOptions): Promise<Result<Answer<t.CreateWarehouseResponses>>> {
    return this.post('/warehouses', {}, body, options);
  }

  /** Get a warehouse. */
  getWarehouse(id: NonNullable<t.GetWarehouseData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetWarehouseResponses[200]>> {
    return this.read('/warehouses/{id}', { id }, undefined, options);
  }

  /** Change, activate or deactivate a warehouse. */
  changeWarehouse(id: NonNullable<t.ChangeWarehouseData['path']>['id'], body: Body<t.ChangeWarehouseData>, options: VersionOptions): Promise<Result<Answer<t.ChangeWarehouseResponses>>> {
    return this.change('PATCH', '/warehouses/{id}', { id }, body, options);
  }
}

/** Operations of operations. */
export class Operations extends Resource {
  /** Erase a customer's personal data. */
  eraseCustomer(id: NonNullable<t.EraseCustomerData['path']>['id'], body: Body<t.EraseCustomerData>, options?: KeyOptions): Promise<Result<Answer<t.EraseCustomerResponses>>> {
    return this.post('/customers/{id}/erase', { id }, body, options);
  }

  /** List dead letters. */
  listDeadLetters(query?: Query<t.ListDeadLettersData>, options?: CallOptions): Pages<Entry<t.ListDeadLettersResponses>> {
    return this.list('/operations/dead-letters', {}, query, options);
  }

  /** Create a dead letter. */
  createDeadLetter(body: Body<t.CreateDeadLetterData>, options?: KeyOptions): Promise<Result<Answer<t.CreateDeadLetterResponses>>> {
    return this.post('/operations/dead-letters', {}, body, options);
  }

  /** Read a dead letter. */
  getDeadLetter(id: NonNullable<t.GetDeadLetterData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetDeadLetterResponses[200]>> {
    return this.read('/operations/dead-letters/{id}', { id }, undefined, options);
  }

  /** Resolve a dead letter. */
  resolveDeadLetter(id: NonNullable<t.ResolveDeadLetterData['path']>['id'], body: Body<t.ResolveDeadLetterData>, options?: KeyOptions): Promise<Result<Answer<t.ResolveDeadLetterResponses>>> {
    return this.post('/operations/dead-letters/{id}/resolve', { id }, body, options);
  }

  /** Retry a dead letter. */
  retryDeadLetter(id: NonNullable<t.RetryDeadLetterData['path']>['id'], options?: KeyOptions): Promise<Result<Answer<t.RetryDeadLetterResponses>>> {
    return this.post('/operations/dead-letters/{id}/retry', { id }, undefined, options);
  }

  /** List findings. */
  listFindings(query?: Query<t.ListFindingsData>, options?: CallOptions): Pages<Entry<t.ListFindingsResponses>> {
    return this.list('/operations/findings', {}, query, options);
  }

  /** Read a finding. */
  getFinding(id: NonNullable<t.GetFindingData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetFindingResponses[200]>> {
    return this.read('/operations/findings/{id}', { id }, undefined, options);
  }

  /** Resolve a finding. */
  resolveFinding(id: NonNullable<t.ResolveFindingData['path']>['id'], body: Body<t.ResolveFindingData>, options?: KeyOptions): Promise<Result<Answer<t.ResolveFindingResponses>>> {
    return this.post('/operations/findings/{id}/resolve', { id }, body, options);
  }
}

/** Operations of orders. */
export class Orders extends Resource {
  /** List orders. */
  listOrders(query?: Query<t.ListOrdersData>, options?: CallOptions): Pages<Entry<t.ListOrdersResponses>> {
    return this.list('/orders', {}, query, options);
  }

  /** Place an order. */
  placeOrder(body: Body<t.PlaceOrderData>, options?: KeyOptions): Promise<Result<Answer<t.PlaceOrderResponses>>> {
    return this.post('/orders', {}, body, options);
  }

  /** Read an order. */
  getOrder(id: NonNullable<t.GetOrderData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetOrderResponses[200]>> {
    return this.read('/orders/{id}', { id }, undefined, options);
  }

  /** Cancel an order. */
  cancelOrder(id: NonNullable<t.CancelOrderData['path']>['id'], body: Body<t.CancelOrderData>, options?: KeyOptions): Promise<Result<Answer<t.CancelOrderResponses>>> {
    return this.post('/orders/{id}/cancel', { id }, body, options);
  }

  /** Explain what is going on with an order. */
  explainOrder(id: NonNullable<t.ExplainOrderData['path']>['id'], options?: ReadOptions): Promise<Result<t.ExplainOrderResponses[200]>> {
    return this.read('/orders/{id}/explanation', { id }, undefined, options);
  }

  /** Pay an order. */
  payOrder(id: NonNullable<t.PayOrderData['path']>['id'], body: Body<t.PayOrderData>, options?: KeyOptions): Promise<Result<Answer<t.PayOrderResponses>>> {
    return this.post('/orders/{id}/payment', { id }, body, options);
  }

  /** List an order's refunds. */
  listRefunds(id: NonNullable<t.ListRefundsData['path']>['id'], options?: ReadOptions): Promise<Result<t.ListRefundsResponses[200]>> {
    return this.read('/orders/{id}/refunds', { id }, undefined, options);
  }

  /** Refund an order. */
  refundOrder(id: NonNullable<t.RefundOrderData['path']>['id'], body: Body<t.RefundOrderData>, options?: KeyOptions): Promise<Result<Answer<t.RefundOrderResponses>>> {
    return this.post('/orders/{id}/refunds', { id }, body, options);
  }

  /** Read an order's timeline. */
  getTimeline(id: NonNullable<t.GetTimelineData['path']>['id'], query?: Query<t.GetTimelineData>, options?: CallOptions): Pages<Entry<t.GetTimelineResponses>> {
    return this.list('/orders/{id}/timeline', { id }, query, options);
  }

  /** Preview routing. */
  previewRouting(body: Body<t.PreviewRoutingData>, options?: CallOptions): Promise<Result<Answer<t.PreviewRoutingResponses>>> {
    return this.ask('/routing/preview', {}, body, options);
  }

  /** Get the settings for orders. */
  getOrderSettings(options?: ReadOptions): Promise<Result<t.GetOrderSettingsResponses[200]>> {
    return this.read('/settings/orders', {}, undefined, options);
  }

  /** Set the settings for orders. */
  setOrderSettings(body: Body<t.SetOrderSettingsData>, options: VersionOptions): Promise<Result<Answer<t.SetOrderSettingsResponses>>> {
    return this.change('PUT', '/settings/orders', {}, body, options);
  }
}

/** Operations of returns. */
export class Returns extends Resource {
  /** Get what may be returned of an order. */
  getReturnable(id: NonNullable<t.GetReturnableData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetReturnableResponses[200]>> {
    return this.read('/orders/{id}/returnable', { id }, undefined, options);
  }

  /** Request a return. */
  requestReturn(id: NonNullable<t.RequestReturnData['path']>['id'], body: Body<t.RequestReturnData>, options?: KeyOptions): Promise<Result<Answer<t.RequestReturnResponses>>> {
    return this.post('/orders/{id}/returns', { id }, body, options);
  }

  /** List returns. */
  listReturns(query?: Query<t.ListReturnsData>, options?: CallOptions): Pages<Entry<t.ListReturnsResponses>> {
    return this.list('/returns', {}, query, options);
  }

  /** Get a return. */
  getReturn(id: NonNullable<t.GetReturnData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetReturnResponses[200]>> {
    return this.read('/returns/{id}', { id }, undefined, options);
  }

  /** Approve a return. */
  approveReturn(id: NonNullable<t.ApproveReturnData['path']>['id'], body: Body<t.ApproveReturnData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.ApproveReturnResponses>>> {
    return this.post('/returns/{id}/approve', { id }, body, options);
  }

  /** Cancel a return. */
  cancelReturn(id: NonNullable<t.CancelReturnData['path']>['id'], body: Body<t.CancelReturnData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.CancelReturnResponses>>> {
    return this.post('/returns/{id}/cancel', { id }, body, options);
  }

  /** Close a return. */
  closeReturn(id: NonNullable<t.CloseReturnData['path']>['id'], body: Body<t.CloseReturnData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.CloseReturnResponses>>> {
    return this.post('/returns/{id}/close', { id }, body, options);
  }

  /** Decline a return. */
  declineReturn(id: NonNullable<t.DeclineReturnData['path']>['id'], body: Body<t.DeclineReturnData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.DeclineReturnResponses>>> {
    return this.post('/returns/{id}/decline', { id }, body, options);
  }

  /** Receive returned units. */
  receiveReturn(id: NonNullable<t.ReceiveReturnData['path']>['id'], body: Body<t.ReceiveReturnData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.ReceiveReturnResponses>>> {
    return this.post('/returns/{id}/receipts', { id }, body, options);
  }

  /** Refund a return again. */
  refundReturn(id: NonNullable<t.RefundReturnData['path']>['id'], body: Body<t.RefundReturnData>, options?: KeyOptions): Promise<Result<Answer<t.RefundReturnResponses>>> {
    return this.post('/returns/{id}/refund', { id }, body, options);
  }
}

/** Operations of webhook-endpoints. */
export class WebhookEndpoints extends Resource {
  /** List webhook endpoints. */
  listWebhookEndpoints(options?: ReadOptions): Promise<Result<t.ListWebhookEndpointsResponses[200]>> {
    return this.read('/webhook-endpoints', {}, undefined, options);
  }

  /** Create a webhook endpoint. */
  createWebhookEndpoint(body: Body<t.CreateWebhookEndpointData>, options?: KeyOptions): Promise<Result<Answer<t.CreateWebhookEndpointResponses>>> {
    return this.post('/webhook-endpoints', {}, body, options);
  }

  /** Get a webhook endpoint. */
  getWebhookEndpoint(id: NonNullable<t.GetWebhookEndpointData['path']>['id'], options?: ReadOptions): Promise<Result<t.GetWebhookEndpointResponses[200]>> {
    return this.read('/webhook-endpoints/{id}', { id }, undefined, options);
  }

  /** Change a webhook endpoint. */
  changeWebhookEndpoint(id: NonNullable<t.ChangeWebhookEndpointData['path']>['id'], body: Body<t.ChangeWebhookEndpointData>, options: VersionOptions): Promise<Result<Answer<t.ChangeWebhookEndpointResponses>>> {
    return this.change('PATCH', '/webhook-endpoints/{id}', { id }, body, options);
  }

  /** Delete a webhook endpoint. */
  deleteWebhookEndpoint(id: NonNullable<t.DeleteWebhookEndpointData['path']>['id'], options?: CallOptions): Promise<Result<Answer<t.DeleteWebhookEndpointResponses>>> {
    return this.remove('/webhook-endpoints/{id}', { id }, options);
  }

  /** List the tries of a webhook endpoint. */
  listWebhookAttempts(id: NonNullable<t.ListWebhookAttemptsData['path']>['id'], query?: Query<t.ListWebhookAttemptsData>, options?: CallOptions): Pages<Entry<t.ListWebhookAttemptsResponses>> {
    return this.list('/webhook-endpoints/{id}/attempts', { id }, query, options);
  }

  /** List what a webhook endpoint has not received. */
  listWebhookDeliveries(id: NonNullable<t.ListWebhookDeliveriesData['path']>['id'], query?: Query<t.ListWebhookDeliveriesData>, options?: CallOptions): Pages<Entry<t.ListWebhookDeliveriesResponses>> {
    return this.list('/webhook-endpoints/{id}/deliveries', { id }, query, options);
  }

  /** Send an event again now. */
  retryWebhookDelivery(id: NonNullable<t.RetryWebhookDeliveryData['path']>['id'], eventId: NonNullable<t.RetryWebhookDeliveryData['path']>['eventId'], options?: CallOptions): Promise<Result<Answer<t.RetryWebhookDeliveryResponses>>> {
    return this.ask('/webhook-endpoints/{id}/deliveries/{eventId}/retry', { id, eventId }, undefined, options);
  }

  /** Give an event up. */
  skipWebhookDelivery(id: NonNullable<t.SkipWebhookDeliveryData['path']>['id'], eventId: NonNullable<t.SkipWebhookDeliveryData['path']>['eventId'], options?: CallOptions): Promise<Result<Answer<t.SkipWebhookDeliveryResponses>>> {
    return this.ask('/webhook-endpoints/{id}/deliveries/{eventId}/skip', { id, eventId }, undefined, options);
  }

  /** Enable a webhook endpoint. */
  enableWebhookEndpoint(id: NonNullable<t.EnableWebhookEndpointData['path']>['id'], body: Body<t.EnableWebhookEndpointData>, options?: CallOptions): Promise<Result<Answer<t.EnableWebhookEndpointResponses>>> {
    return this.ask('/webhook-endpoints/{id}/enable', { id }, body, options);
  }

  /** Pause a webhook endpoint. */
  pauseWebhookEndpoint(id: NonNullable<t.PauseWebhookEndpointData['path']>['id'], options?: CallOptions): Promise<Result<Answer<t.PauseWebhookEndpointResponses>>> {
    return this.ask('/webhook-endpoints/{id}/pause', { id }, undefined, options);
  }

  /** List replays. */
  listWebhookReplays(id: NonNullable<t.ListWebhookReplaysData['path']>['id'], options?: ReadOptions): Promise<Result<t.ListWebhookReplaysResponses[200]>> {
    return this.read('/webhook-endpoints/{id}/replays', { id }, undefined, options);
  }

  /** Replay a span of the feed. */
  startWebhookReplay(id: NonNullable<t.StartWebhookReplayData['path']>['id'], body: Body<t.StartWebhookReplayData>, options?: KeyOptions): Promise<Result<Answer<t.StartWebhookReplayResponses>>> {
    return this.post('/webhook-endpoints/{id}/replays', { id }, body, options);
  }

  /** Show a replay. */
  getWebhookReplay(id: NonNullable<t.GetWebhookReplayData['path']>['id'], replayId: NonNullable<t.GetWebhookReplayData['path']>['replayId'], options?: ReadOptions): Promise<Result<t.GetWebhookReplayResponses[200]>> {
    return this.read('/webhook-endpoints/{id}/replays/{replayId}', { id, replayId }, undefined, options);
  }

  /** Cancel a replay. */
  cancelWebhookReplay(id: NonNullable<t.CancelWebhookReplayData['path']>['id'], replayId: NonNullable<t.CancelWebhookReplayData['path']>['replayId'], options?: CallOptions): Promise<Result<Answer<t.CancelWebhookReplayResponses>>> {
    return this.ask('/webhook-endpoints/{id}/replays/{replayId}/cancel', { id, replayId }, undefined, options);
  }

  /** Replace the secret of a webhook endpoint. */
  rotateWebhookSecret(id: NonNullable<t.RotateWebhookSecretData['path']>['id'], body: Body<t.RotateWebhookSecretData>, options?: KeyedVersionOptions): Promise<Result<Answer<t.RotateWebhookSecretResponses>>> {
    return this.post('/webhook-endpoints/{id}/rotate-secret', { id }, body, options);
  }

  /** Send a test event. */
  testWebhookEndpoint(id: NonNullable<t.TestWebhookEndpointData['path']>['id'], options?: CallOptions): Promise<Result<Answer<t.TestWebhookEndpointResponses>>> {
    return this.ask('/webhook-endpoints/{id}/test', { id }, undefined, options);
  }
}

/** All operations, by the tags of the API document. */
export class Api {
  readonly events: Events;
  readonly fulfilment: Fulfilment;
  readonly inventory: Inventory;
  readonly operations: Operations;
  readonly orders: Orders;
  readonly returns: Returns;
  readonly webhookEndpoints: WebhookEndpoints;

  constructor(http: Http) {
    this.events = new Events(http);
    this.fulfilment = new Fulfilment(http);
    this.inventory = new Inventory(http);
    this.operations = new Operations(http);
    this.orders = new Orders(http);
    this.returns = new Returns(http);
    this.webhookEndpoints = new WebhookEndpoints(http);
  }
}
