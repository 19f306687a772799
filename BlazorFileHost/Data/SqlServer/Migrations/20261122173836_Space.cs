using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorFileHost.Data.SqlServer.Migrations
{
    /// <inheritdoc />
    public partial class Space : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<DateTime>(
                name: "Damaged",
                table: "File",
                type: "datetime2(3)",
                precision: 3,
                nullable: true);

            migrationBuilder.AddColumn<DateTime>(
                name: "NextCheck",
                table: "File",
                type: "datetime2(3)",
                precision: 3,
                nullable: false,
                defaultValue: new DateTime(2000, 1, 1, 0, 0, 0, 0, DateTimeKind.Utc));

            migrationBuilder.AddColumn<DateTime>(
                name: "Verified",
                table: "File",
                type: "datetime2(3)",
                precision: 3,
                nullable: true);

            migrationBuilder.CreateTable(
                name: "Store",
                columns: table => new
                {
                    Id = table.Column<int>(type: "int", nullable: false),
                    MarkId = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    Epoch = table.Column<long>(type: "bigint", nullable: false),
                    NextWalk = table.Column<DateTime>(type: "datetime2(3)", precision: 3, nullable: false),
                    LastPass = table.Column<DateTime>(type: "datetime2(3)", precision: 3, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Store", x => x.Id);
                });

            migrationBuilder.CreateTable(
                name: "Stray",
                columns: table => new
                {
                    StorageKey = table.Column<string>(type: "nvarchar(100)", maxLength: 100, nullable: false),
                    Epoch = table.Column<long>(type: "bigint", nullable: false),
                    Quarantined = table.Column<DateTime>(type: "datetime2(3)", precision: 3, nullable: true),
                    Place = table.Column<string>(type: "nvarchar(1000)", maxLength: 1000, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Stray", x => x.StorageKey);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Upload_StorageKey",
                table: "Upload",
                column: "StorageKey");

            migrationBuilder.CreateIndex(
                name: "IX_File_NextCheck",
                table: "File",
                column: "NextCheck");

            migrationBuilder.CreateIndex(
                name: "IX_File_StorageKey",
                table: "File",
                column: "StorageKey");

            migrationBuilder.CreateIndex(
                name: "IX_Stray_Quarantined",
                table: "Stray",
                column: "Quarantined");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "Store");

            migrationBuilder.DropTable(
                name: "Stray");

            migrationBuilder.DropIndex(
                name: "IX_Upload_StorageKey",
                table: "Upload");

            migrationBuilder.DropIndex(
                name: "IX_File_NextCheck",
                table: "File");

            migrationBuilder.DropIndex(
                name: "IX_File_StorageKey",
                table: "File");

            migrationBuilder.DropColumn(
                name: "Damaged",
                table: "File");

            migrationBuilder.DropColumn(
                name: "NextCheck",
                table: "File");

            migrationBuilder.DropColumn(
                name: "Verified",
                table: "File");
        }
    }
}
