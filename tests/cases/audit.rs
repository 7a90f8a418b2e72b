//! Findings of `kpki audit`: whether it speaks, how loud, and where.
