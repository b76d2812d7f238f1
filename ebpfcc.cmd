@powershell -NoProfile -ExecutionPolicy Bypass -File "%~dp0ebpfcc.ps1" %*
