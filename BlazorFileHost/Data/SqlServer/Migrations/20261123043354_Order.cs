using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorFileHost.Data.SqlServer.Migrations
{
    /// <inheritdoc />
    public partial class Order : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_File_OwnerId_FolderId_Modified",
                table: "File");

            migrationBuilder.DropIndex(
                name: "IX_File_OwnerId_FolderId_Size",
                table: "File");

            migrationBuilder.CreateIndex(
                name: "IX_File_OwnerId_FolderId_Modified_NameKey",
                table: "File",
                columns: new[] { "OwnerId", "FolderId", "Modified", "NameKey" });

            migrationBuilder.CreateIndex(
                name: "IX_File_OwnerId_FolderId_Size_NameKey",
                table: "File",
                columns: new[] { "OwnerId", "FolderId", "Size", "NameKey" });

            migrationBuilder.CreateIndex(
                name: "IX_File_OwnerId_NameKey",
                table: "File",
                columns: new[] { "OwnerId", "NameKey" },
                filter: "\"State\" = 0");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_File_OwnerId_FolderId_Modified_NameKey",
                table: "File");

            migrationBuilder.DropIndex(
                name: "IX_File_OwnerId_FolderId_Size_NameKey",
                table: "File");

            migrationBuilder.DropIndex(
                name: "IX_File_OwnerId_NameKey",
                table: "File");

            migrationBuilder.CreateIndex(
                name: "IX_File_OwnerId_FolderId_Modified",
                table: "File",
                columns: new[] { "OwnerId", "FolderId", "Modified" });

            migrationBuilder.CreateIndex(
                name: "IX_File_OwnerId_FolderId_Size",
                table: "File",
                columns: new[] { "OwnerId", "FolderId", "Size" });
        }
    }
}
