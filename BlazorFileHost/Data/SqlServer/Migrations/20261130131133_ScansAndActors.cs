using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorFileHost.Data.SqlServer.Migrations
{
    /// <inheritdoc />
    public partial class ScansAndActors : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<DateTime>(
                name: "NextScan",
                table: "File",
                type: "datetime2(3)",
                precision: 3,
                nullable: false,
                defaultValue: new DateTime(2000, 1, 1, 0, 0, 0, 0, DateTimeKind.Utc));

            migrationBuilder.CreateIndex(
                name: "IX_AuditEntry_ActorId_When",
                table: "AuditEntry",
                columns: new[] { "ActorId", "When" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_AuditEntry_ActorId_When",
                table: "AuditEntry");

            migrationBuilder.DropColumn(
                name: "NextScan",
                table: "File");
        }
    }
}
