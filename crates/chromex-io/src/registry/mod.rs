//! Fetches public datasets by name: once, whole, and checked.
//!
//! A [`Registry`] knows each file's address, size and SHA-256, and each dataset's licence, citation and genome build.
//! [`Registry::fetch`] downloads what is not in the cache yet, goes on where an earlier download was cut, refuses what
//! has another checksum, and needs no network for what is there. Own datasets are added by a manifest in JSON. A [`ModelHub`]
//! does the same for published weights.
//!
//! Addresses are asked by https only (by http on this machine), redirects included, and names of others become paths or parts
//! of addresses only where they are plain.

mod address;
mod catalogue;
mod download;
mod fetch;
mod hub;

pub use catalogue::{DatasetEntry, RemoteFile, Replicate};
pub use fetch::{Fetched, Registry, Verification};
pub use hub::{FetchedFile, FetchedModel, ModelHub};
