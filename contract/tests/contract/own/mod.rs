//! The tables that a service has of its own, in its folder `contract`: `conformance.json`, and a table of bodies for
//! each operation that has one, such as `sum.json` for the operation `sum`.

mod bodies;
mod table;
