//! What an audit advises, carried out.
