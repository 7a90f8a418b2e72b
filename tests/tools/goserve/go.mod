module goserve

go 1.26
