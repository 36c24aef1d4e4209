module counterfoil.example/interop/tree

go 1.18

require golang.org/x/mod v0.7.0
