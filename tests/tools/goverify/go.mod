module goverify

// What Go does in silence depends on this line (GODEBUG defaults); 1.26 is what Kubernetes' components are built with.
go 1.26
