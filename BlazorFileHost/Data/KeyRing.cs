using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Data;

/// <summary>Keeps the keys of Data Protection in their table. The interface knows no async; it is read at the start and then about once a day.</summary>
internal sealed class KeyRing(IDbContextFactory<FileHostContext> contexts) : IXmlRepository
{
    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var context = contexts.CreateDbContext();
        return [.. context.DataProtectionKeys.AsNoTracking().OrderBy(key => key.Id).Select(key => key.Xml).ToList().Select(XElement.Parse)];
    }

    // The friendly name is for people who look into a folder of key files; the element holds its own id.
    public void StoreElement(XElement element, string friendlyName)
    {
        using var context = contexts.CreateDbContext();
        context.DataProtectionKeys.Add(new() { Xml = element.ToString(SaveOptions.DisableFormatting) });
        context.SaveChanges();
    }
}
