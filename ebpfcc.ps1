# Runs the compiler on Windows, and builds it first when it is missing or older than its sources.
$root = $PSScriptRoot
$out = Join-Path $root 'artifacts/launcher/current'
$binary = Join-Path $out 'ebpfcc.exe'
$stale = -not (Test-Path $binary)
if (-not $stale) {
    $built = (Get-Item $binary).LastWriteTimeUtc
    $stale = [bool](Get-ChildItem (Join-Path $root 'src'), (Join-Path $root 'grammar') -Recurse -File -Include *.cs, *.csproj, *.g4 |
        Where-Object { $_.FullName -notmatch '[\\/](bin|obj|node_modules)[\\/]' -and $_.LastWriteTimeUtc -gt $built } | Select-Object -First 1)
}
if ($stale) {
    foreach ($tool in 'dotnet', 'java', 'npm') {
        if (-not (Get-Command $tool -ErrorAction SilentlyContinue)) {
            [Console]::Error.WriteLine("ebpfcc: '$tool' is missing: building needs the .NET 10 SDK, Java 11 or later and npm")
            exit 70
        }
    }
    [Console]::Error.WriteLine('ebpfcc: building ...')
    $log = dotnet publish (Join-Path $root 'src/Cli/Cli.csproj') -c Release -v q -nologo --self-contained false -p:PublishReadyToRun=true -r win-x64 -o $out
    if ($LASTEXITCODE -ne 0) {
        $log | Select-String 'error' | Select-Object -First 5 | ForEach-Object { [Console]::Error.WriteLine($_) }
        exit 70
    }
    (Get-Item $binary).LastWriteTimeUtc = [DateTime]::UtcNow
}
& $binary @args
exit $LASTEXITCODE
