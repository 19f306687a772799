namespace BlazorFileHost.Files.Content;

/// <summary>What a file can turn out to be, as it stands in the sentence "its content is …, not what .png says".</summary>
internal static class Noun
{
    public const string Png = "a PNG image";
    public const string Jpeg = "a JPEG image";
    public const string Gif = "a GIF image";
    public const string WebP = "a WebP image";
    public const string Mp4 = "an MP4 video";
    public const string WebM = "a WebM video";
    public const string Ogg = "an Ogg sound file";
    public const string Mp3 = "an MP3 sound file";
    public const string Wav = "a WAV sound file";
    public const string Pdf = "a PDF document";
    public const string Text = "text";
    public const string WebPage = "a web page";
    public const string Program = "a program";
    public const string Script = "a script";
    public const string Zip = "a ZIP archive";
    public const string Word = "a Word document";
    public const string Excel = "an Excel workbook";
    public const string PowerPoint = "a PowerPoint presentation";
    public const string Office = "an Office document";
    public const string Encrypted = "an Office document with a password";
    public const string OldWord = "an old Word document (.doc)";
    public const string OldExcel = "an old Excel workbook (.xls)";
    public const string OldPowerPoint = "an old PowerPoint presentation (.ppt)";
    public const string OldOffice = "an old Office document";
}
