// The one executable.
return 0;
