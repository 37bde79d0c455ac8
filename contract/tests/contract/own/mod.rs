//! The tables in the folder `contract` of a service: `conformance.json`, and tables of bodies for single operations,
//! such as `sum.json` for the operation `sum`.

mod bodies;
mod table;
