using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorFileHost.Data.SqlServer.Migrations
{
    /// <inheritdoc />
    public partial class Organise : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<Guid>(
                name: "ActionId",
                table: "Folder",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "FromFolderId",
                table: "Folder",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "FromName",
                table: "Folder",
                type: "nvarchar(255)",
                maxLength: 255,
                nullable: true);

            migrationBuilder.AddColumn<DateTime>(
                name: "Purged",
                table: "Folder",
                type: "datetime2(3)",
                precision: 3,
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "State",
                table: "Folder",
                type: "int",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<DateTime>(
                name: "StateSince",
                table: "Folder",
                type: "datetime2(3)",
                precision: 3,
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "ActionId",
                table: "File",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "FromFolderId",
                table: "File",
                type: "uniqueidentifier",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "FromName",
                table: "File",
                type: "nvarchar(255)",
                maxLength: 255,
                nullable: true);

            migrationBuilder.AddColumn<DateTime>(
                name: "Purged",
                table: "File",
                type: "datetime2(3)",
                precision: 3,
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "State",
                table: "File",
                type: "int",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<DateTime>(
                name: "StateSince",
                table: "File",
                type: "datetime2(3)",
                precision: 3,
                nullable: true);

            migrationBuilder.CreateTable(
                name: "FileAction",
                columns: table => new
                {
                    Id = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    OwnerId = table.Column<Guid>(type: "uniqueidentifier", nullable: false),
                    Kind = table.Column<int>(type: "int", nullable: false),
                    When = table.Column<DateTime>(type: "datetime2(3)", precision: 3, nullable: false),
                    Files = table.Column<int>(type: "int", nullable: false),
                    Folders = table.Column<int>(type: "int", nullable: false),
                    Name = table.Column<string>(type: "nvarchar(255)", maxLength: 255, nullable: true),
                    FromName = table.Column<string>(type: "nvarchar(255)", maxLength: 255, nullable: true),
                    Undone = table.Column<bool>(type: "bit", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_FileAction", x => x.Id);
                    table.ForeignKey(
                        name: "FK_FileAction_AspNetUsers_OwnerId",
                        column: x => x.OwnerId,
                        principalTable: "AspNetUsers",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Folder_ActionId",
                table: "Folder",
                column: "ActionId",
                filter: "\"ActionId\" IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "IX_Folder_Purged",
                table: "Folder",
                column: "Purged",
                filter: "\"Purged\" IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "IX_Folder_StateSince",
                table: "Folder",
                column: "StateSince",
                filter: "\"StateSince\" IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "IX_File_ActionId",
                table: "File",
                column: "ActionId",
                filter: "\"ActionId\" IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "IX_File_OwnerId_State_StateSince",
                table: "File",
                columns: new[] { "OwnerId", "State", "StateSince" },
                filter: "\"StateSince\" IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "IX_File_Purged",
                table: "File",
                column: "Purged",
                filter: "\"Purged\" IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "IX_File_StateSince",
                table: "File",
                column: "StateSince",
                filter: "\"StateSince\" IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "IX_FileAction_OwnerId_When",
                table: "FileAction",
                columns: new[] { "OwnerId", "When" });

            migrationBuilder.CreateIndex(
                name: "IX_FileAction_When",
                table: "FileAction",
                column: "When");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "FileAction");

            migrationBuilder.DropIndex(
                name: "IX_Folder_ActionId",
                table: "Folder");

            migrationBuilder.DropIndex(
                name: "IX_Folder_Purged",
                table: "Folder");

            migrationBuilder.DropIndex(
                name: "IX_Folder_StateSince",
                table: "Folder");

            migrationBuilder.DropIndex(
                name: "IX_File_ActionId",
                table: "File");

            migrationBuilder.DropIndex(
                name: "IX_File_OwnerId_State_StateSince",
                table: "File");

            migrationBuilder.DropIndex(
                name: "IX_File_Purged",
                table: "File");

            migrationBuilder.DropIndex(
                name: "IX_File_StateSince",
                table: "File");

            migrationBuilder.DropColumn(
                name: "ActionId",
                table: "Folder");

            migrationBuilder.DropColumn(
                name: "FromFolderId",
                table: "Folder");

            migrationBuilder.DropColumn(
                name: "FromName",
                table: "Folder");

            migrationBuilder.DropColumn(
                name: "Purged",
                table: "Folder");

            migrationBuilder.DropColumn(
                name: "State",
                table: "Folder");

            migrationBuilder.DropColumn(
                name: "StateSince",
                table: "Folder");

            migrationBuilder.DropColumn(
                name: "ActionId",
                table: "File");

            migrationBuilder.DropColumn(
                name: "FromFolderId",
                table: "File");

            migrationBuilder.DropColumn(
                name: "FromName",
                table: "File");

            migrationBuilder.DropColumn(
                name: "Purged",
                table: "File");

            migrationBuilder.DropColumn(
                name: "State",
                table: "File");

            migrationBuilder.DropColumn(
                name: "StateSince",
                table: "File");
        }
    }
}
