/* glibc asks for this header on targets that it takes for 32-bit x86; it lists no stubs here. */
