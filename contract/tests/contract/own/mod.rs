//! The tables in the folder `contract` of a service: `conformance.json`, and tables of bodies for single operations,
//! such as `sum.json` for the operation `sum`.
//!
//! They run on every variant of the service, and all variants must give the same responses.

mod bodies;
mod expect;
mod row;
mod streams;
mod table;
mod variants;
