#!/usr/bin/env bash
# Packs the placeholder packages of this folder anew from src/. Only needed when one of them changes.
set -euo pipefail
cd "$(dirname "$0")"
rm -f ./*.nupkg
dotnet pack src/Microsoft.SqlServer.Server -c Release -o . --nologo -v quiet
dotnet restore src/specs --nologo -v quiet
for spec in src/specs/*.nuspec; do
  dotnet pack src/specs --no-restore -o . --nologo -v quiet -p:NuspecFile="$PWD/$spec"
done
rm -rf src/*/bin src/*/obj
ls -l ./*.nupkg
