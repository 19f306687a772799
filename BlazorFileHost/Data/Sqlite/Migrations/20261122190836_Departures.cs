using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorFileHost.Data.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class Departures : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "Departure",
                columns: table => new
                {
                    Id = table.Column<Guid>(type: "TEXT", nullable: false),
                    OwnerId = table.Column<Guid>(type: "TEXT", nullable: true),
                    Stage = table.Column<int>(type: "INTEGER", nullable: false),
                    Requested = table.Column<DateTime>(type: "TEXT", precision: 3, nullable: false),
                    Gone = table.Column<DateTime>(type: "TEXT", precision: 3, nullable: true),
                    Touched = table.Column<DateTime>(type: "TEXT", precision: 3, nullable: false),
                    Files = table.Column<int>(type: "INTEGER", nullable: false),
                    Bytes = table.Column<long>(type: "INTEGER", nullable: false),
                    Objects = table.Column<int>(type: "INTEGER", nullable: false),
                    Left = table.Column<int>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Departure", x => x.Id);
                });

            migrationBuilder.CreateTable(
                name: "UsageSample",
                columns: table => new
                {
                    Day = table.Column<DateTime>(type: "TEXT", precision: 3, nullable: false),
                    OwnerId = table.Column<Guid>(type: "TEXT", nullable: false),
                    UsedBytes = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_UsageSample", x => new { x.Day, x.OwnerId });
                });

            migrationBuilder.CreateIndex(
                name: "IX_Departure_OwnerId",
                table: "Departure",
                column: "OwnerId",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_UsageSample_OwnerId",
                table: "UsageSample",
                column: "OwnerId");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "Departure");

            migrationBuilder.DropTable(
                name: "UsageSample");
        }
    }
}
