package sniff

import "strings"

// A class says what follows from a type.
type class uint8

const (
	leaf       class = iota // it is what it is
	executable              // it is run
	encrypted
	closed // it may hold anything, and is not read here
)

// A signature tells a format by bytes at a place, or by the media type that the
// library of signatures tells.
type signature struct {
	at        int64 // from the end of the content where it is negative
	magic     string
	mediaType string
	class     class
	word      string
}

// signatures are the formats that the library does not know, or that it takes
// for less than they are; the first that fits wins. Those beyond the head and at
// the end are looked for as the content passes. In text only those count that
// are of type text, and what is encrypted.
var signatures = []signature{
	{0, "\x28\xb5\x2f\xfd", typeZstd, leaf, ""},
	{0, "\x7fELF", "", executable, "ELF file"},

	{0, "dex\n", "application/vnd.android.dex", executable, "Android byte code"},
	{0, "dey\n", "application/vnd.android.dex", executable, "Android byte code"},
	{0, "BC\xc0\xde", "application/x-llvm", executable, "LLVM bitcode"},
	{0, "\xde\xc0\x17\x0b", "application/x-llvm", executable, "LLVM bitcode"},
	{0, "\x1bLua", "application/x-lua-bytecode", executable, "Lua byte code"},
	{0, "\x1bLJ", "application/x-lua-bytecode", executable, "Lua byte code"},
	{0, "RITE0", "application/x-mruby", executable, "Ruby byte code"},
	{0, "YARB", "application/x-yarv", executable, "Ruby byte code"},
	{0, "FasdUAS ", "application/x-applescript", executable, "compiled AppleScript"},
	{0, "LE\x00\x00", "application/x-dosexec", executable, "program (LE)"},
	{0, "LX\x00\x00", "application/x-dosexec", executable, "program (LX)"},
	{0x202, "HdrS", "application/x-linux-kernel", executable, "Linux kernel"},
	{0, "\x27\x05\x19\x56", "application/x-uimage", executable, "U-Boot image"},
	{0, "ANDROID!", "application/x-android-boot", executable, "Android boot image"},

	{0, "age-encryption.org/", typeText, encrypted, "age"},
	{0, "Salted__", "application/x-openssl-enc", encrypted, "OpenSSL"},
	{0, "LUKS\xba\xbe", "application/x-luks", encrypted, "LUKS"},
	{0, "SKUL\xba\xbe", "application/x-luks", encrypted, "LUKS"},
	{0x4000, "SKUL\xba\xbe", "application/x-luks", encrypted, "LUKS"},
	{3, "-FVE-FS-", "application/x-bitlocker", encrypted, "BitLocker"},
	{0, "\x03\xd9\xa2\x9a", "application/x-keepass2", encrypted, "KeePass"},
	{0, "\x00GITCRYPT\x00", "application/x-git-crypt", encrypted, "git-crypt"},
	{0, "\xfe\xed\xfe\xed", "application/x-java-keystore", encrypted, "Java key store"},
	{0, "\xce\xce\xce\xce", "application/x-java-jce-keystore", encrypted, "Java key store"},
	{8, "KBXf", "application/vnd.gnupg.keybox", closed, "GnuPG key box"},
	{0, "AES\x00", "application/x-aescrypt", encrypted, "AES Crypt"},
	{0, "AES\x01", "application/x-aescrypt", encrypted, "AES Crypt"},
	{0, "AES\x02", "application/x-aescrypt", encrypted, "AES Crypt"},
	{0, "AES\x03", "application/x-aescrypt", encrypted, "AES Crypt"},
	{0, "\xc0\xb9\x07\x2e\x4f\x93\xf1\x46\xa0\x15\x79\x2c\xa1\xd9\xe8\x21", "application/x-axcrypt", encrypted, "AxCrypt"},
	{0, "scrypt\x00", "application/x-scrypt", encrypted, "scrypt"},
	{0, "RCLONE\x00\x00", "application/x-rclone", encrypted, "rclone"},
	{0, "encrcdsa", "application/x-apple-diskimage", encrypted, "Apple disk image"},
	{-512, "cdsaencr", "application/x-apple-diskimage", encrypted, "Apple disk image"},
	{0, "BORG_SEG", "application/x-borg", closed, "Borg repository"},

	{0, "QFI\xfb", "application/x-qemu-disk", closed, "disk image (qcow)"},
	{0, "QED\x00", "application/x-qemu-disk", closed, "disk image (QED)"},
	{0, "KDMV", "application/x-vmdk-disk", closed, "disk image (VMDK)"},
	{0, "COWD", "application/x-vmdk-disk", closed, "disk image (VMDK)"},
	{0, "# Disk DescriptorFile", typeText, closed, "disk image (VMDK)"},
	{0, "vhdxfile", "application/x-vhdx-disk", closed, "disk image (VHDX)"},
	{0, "conectix", "application/x-vhd-disk", closed, "disk image (VHD)"},
	{-512, "conectix", "application/x-vhd-disk", closed, "disk image (VHD)"},
	{-511, "conectix", "application/x-vhd-disk", closed, "disk image (VHD)"},
	{0x40, "\x7f\x10\xda\xbe", "application/x-vdi-disk", closed, "disk image (VDI)"},
	{-512, "koly\x00\x00\x00\x04", "application/x-apple-diskimage", closed, "Apple disk image"},
	{0, "WithoutFreeSpace", "application/x-parallels-disk", closed, "disk image (Parallels)"},
	{0, "WithouFreSpacExt", "application/x-parallels-disk", closed, "disk image (Parallels)"},
	{0, "CISO", "application/x-compressed-iso", closed, "compressed ISO 9660"},
	{0, "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", "application/x-cd-image", closed, "CD image"},
	{0, "MSWIM\x00\x00\x00", "application/x-ms-wim", closed, "Windows image (WIM)"},
	{0, "WLPWM\x00\x00\x00", "application/x-ms-wim", closed, "Windows image (WIM)"},
	{0, "\x3a\xff\x26\xed", "application/x-android-sparse", closed, "Android disk image"},
	{0, "CrAU", "application/x-android-ota", closed, "Android update"},
	{0x200, "EFI PART", "application/x-disk-image", closed, "disk image (GPT)"},
	{0x1000, "EFI PART", "application/x-disk-image", closed, "disk image (GPT)"},
	{0x200, "PM\x00\x00", "application/x-disk-image", closed, "disk image (Apple partition map)"},
	{0x200, "LABELONE", "application/x-lvm", closed, "LVM volume"},
	{0x218, "LVM2 001", "application/x-lvm", closed, "LVM volume"},
	{0, "\xfc\x4e\x2b\xa9", "application/x-md-raid", closed, "RAID member"},
	{0x1000, "\xfc\x4e\x2b\xa9", "application/x-md-raid", closed, "RAID member"},
	{0xff6, "SWAPSPACE2", "application/x-swap", closed, "swap space"},

	{0x8001, "CD001", "application/x-iso9660-image", closed, "ISO 9660"},
	{0x8009, "CDROM", "application/x-iso9660-image", closed, "High Sierra CD"},
	{0x8001, "BEA01", "application/x-udf-image", closed, "UDF"},
	{0x8001, "NSR02", "application/x-udf-image", closed, "UDF"},
	{0x8001, "NSR03", "application/x-udf-image", closed, "UDF"},
	{0x438, "\x53\xef", "application/x-ext-image", closed, "ext file system"},
	{0, "hsqs", "application/vnd.squashfs", closed, "SquashFS"},
	{0, "sqsh", "application/vnd.squashfs", closed, "SquashFS"},
	{0, "shsq", "application/vnd.squashfs", closed, "SquashFS"},
	{0, "qshs", "application/vnd.squashfs", closed, "SquashFS"},
	{0x400, "\xe2\xe1\xf5\xe0", "application/x-erofs", closed, "EROFS"},
	{0, "\x45\x3d\xcd\x28", "application/x-cramfs", closed, "cramfs"},
	{0, "\x28\xcd\x3d\x45", "application/x-cramfs", closed, "cramfs"},
	{0x200, "\x45\x3d\xcd\x28", "application/x-cramfs", closed, "cramfs"},
	{0, "-rom1fs-", "application/x-romfs", closed, "romfs"},
	{0, "XFSB", "application/x-xfs", closed, "XFS"},
	{0x10040, "_BHRfS_M", "application/x-btrfs", closed, "Btrfs"},
	{0x1018, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca", "application/x-bcachefs", closed, "bcachefs"},
	{0x400, "\x10\x20\xf5\xf2", "application/x-f2fs", closed, "F2FS"},
	{3, "NTFS    ", "application/x-ntfs", closed, "NTFS"},
	{3, "EXFAT   ", "application/x-exfat", closed, "exFAT"},
	{0x36, "FAT12   ", "application/x-fat", closed, "FAT file system"},
	{0x36, "FAT16   ", "application/x-fat", closed, "FAT file system"},
	{0x36, "FAT     ", "application/x-fat", closed, "FAT file system"},
	{0x52, "FAT32   ", "application/x-fat", closed, "FAT file system"},
	{0x400, "H+\x00\x04", "application/x-hfs", closed, "HFS+"},
	{0x400, "HX\x00\x05", "application/x-hfs", closed, "HFS+"},
	{0x400, "BD\x00\x00", "application/x-hfs", closed, "HFS"},
	{0x20, "NXSB", "application/x-apfs", closed, "APFS"},
	{0x10034, "ReIsErFs", "application/x-reiserfs", closed, "ReiserFS"},
	{0x10034, "ReIsEr2Fs", "application/x-reiserfs", closed, "ReiserFS"},
	{0x8000, "JFS1", "application/x-jfs", closed, "JFS"},
	{0x406, "\x34\x34", "application/x-nilfs", closed, "NILFS"},
	{0x2000, "OCFSV2", "application/x-ocfs", closed, "OCFS"},
	{0x410, "\x7f\x13", "application/x-minix", closed, "Minix file system"},
	{0x410, "\x8f\x13", "application/x-minix", closed, "Minix file system"},
	{0x410, "\x68\x24", "application/x-minix", closed, "Minix file system"},
	{0x410, "\x78\x24", "application/x-minix", closed, "Minix file system"},
	{0x55c, "\x54\x19\x01\x00", "application/x-ufs", closed, "UFS"},
	{0x255c, "\x54\x19\x01\x00", "application/x-ufs", closed, "UFS"},
	{0x1055c, "\x19\x01\x54\x19", "application/x-ufs", closed, "UFS"},
	{0, "UBI#", "application/x-ubi", closed, "UBI"},
	{0, "\x31\x18\x10\x06", "application/x-ubifs", closed, "UBIFS"},
	{0, "\x85\x19", "application/x-jffs2", closed, "JFFS2"},
	{0, "\x19\x85", "application/x-jffs2", closed, "JFFS2"},

	{0, "\x60\xea", "application/x-arj", closed, "ARJ"},
	{7, "**ACE**", "application/x-ace", closed, "ACE"},
	{0, "ZOO ", "application/x-zoo", closed, "zoo"},
	{0x14, "\xdc\xa7\xc4\xfd", "application/x-zoo", closed, "zoo"},
	{0, "ALZ\x01", "application/x-alz", closed, "ALZ"},
	{0, "EGGA", "application/x-egg", closed, "EGG"},
	{0, "SIT!", "application/x-stuffit", closed, "StuffIt"},
	{0, "StuffIt (c)", "application/x-stuffit", closed, "StuffIt"},
	{0, "RE~^", "application/vnd.rar", closed, "RAR"},
	{0, "7kSt", "application/x-zpaq", closed, "ZPAQ"},
	{0, "zPQ", "application/x-zpaq", closed, "ZPAQ"},
	{0, "LRZI", "application/x-lrzip", closed, "lrzip"},
	{0, "RZIP", "application/x-rzip", closed, "rzip"},
	{0, "\x89LZO\x00\r\n\x1a\n", "application/x-lzop", closed, "lzop"},
	{0, "\x04\x22\x4d\x18", "application/x-lz4", closed, "lz4"},
	{0, "\x02\x21\x4c\x18", "application/x-lz4", closed, "lz4"},
	{0, "\x5d\x00\x00", "application/x-lzma", closed, "lzma"},
	{0, "\x1f\x9d", "application/x-compress", closed, "compress"},
	{0, "\x1f\x1e", "application/x-pack", closed, "pack"},
	{0, "\x1f\xa0", "application/x-lzh-compress", closed, "compress"},
	{0, "\xff\x06\x00\x00sNaPpY", "application/x-snappy-framed", closed, "snappy"},
	{0, "!<thin>\n", "application/x-archive", closed, "ar"},
	{0, "\xc7\x71", "application/x-cpio", closed, "cpio"},
	{0, "\x71\xc7", "application/x-cpio", closed, "cpio"},
	{0, "SZDD", "application/x-ms-compress", closed, "MS compress"},
	{0, "KWAJ", "application/x-ms-compress", closed, "MS compress"},
	{0, "PACK\x00\x00\x00", "application/x-git", closed, "git pack"},
	{0, "# v2 git bundle", typeText, closed, "git bundle"},
	{0, "# v3 git bundle", typeText, closed, "git bundle"},
	{0, "=ybegin ", typeText, closed, "yEnc"},
	{0, "\x80\x02", "application/x-pickle", closed, "Python pickle"},
	{0, "\x80\x03", "application/x-pickle", closed, "Python pickle"},
	{0, "\x80\x04\x95", "application/x-pickle", closed, "Python pickle"},
	{0, "\x80\x05\x95", "application/x-pickle", closed, "Python pickle"},

	{0, "\xde\x12\x04\x95", "application/x-gettext-translation", leaf, ""},
	{0, "\x95\x04\x12\xde", "application/x-gettext-translation", leaf, ""},
	{0, "GIF8", "image/gif", leaf, ""},
}

// heads, deep and tails are the signatures by where they are looked for.
var heads, deep, tails = func() (heads, deep, tails []signature) {
	for _, s := range signatures {
		switch {
		case s.at < 0:
			tails = append(tails, s)
		case s.at+int64(len(s.magic)) > headLen:
			deep = append(deep, s)
		default:
			heads = append(heads, s)
		}
	}
	return heads, deep, tails
}()

// known says what follows from the types of the library.
var known = map[string]struct {
	class class
	word  string
}{
	"application/vnd.microsoft.portable-executable": {executable, "Windows program (PE)"},
	"application/x-elf":                             {executable, "ELF file"},
	"application/x-object":                          {executable, "ELF object"},
	"application/x-executable":                      {executable, "ELF program"},
	"application/x-sharedlib":                       {executable, "ELF program or library"},
	"application/x-mach-binary":                     {executable, "Mach-O program"},
	"application/wasm":                              {executable, "WebAssembly module"},
	"application/x-java-applet":                     {executable, "Java class"},
	"application/java-archive":                      {executable, "Java archive"},
	"application/x-bytecode.python":                 {executable, "Python byte code"},
	"application/vnd.android.package-archive":       {executable, "Android package"},
	"application/x-ms-installer":                    {executable, "Windows installer"},
	"application/x-ms-shortcut":                     {executable, "Windows shortcut"},
	"application/x-shockwave-flash":                 {executable, "Flash file"},
	// These are run or installed, and are not read beyond that.
	"application/vnd.debian.binary-package": {executable, "Debian package"},
	"application/x-rpm":                     {executable, "RPM package"},
	"application/x-chrome-extension":        {executable, "browser extension"},

	"application/x-7z-compressed":       {closed, "7-Zip"},
	"application/vnd.rar":               {closed, "RAR"},
	"application/x-xz":                  {closed, "xz"},
	"application/lzip":                  {closed, "lzip"},
	"application/zlib":                  {closed, "zlib"},
	"application/x-cpio":                {closed, "cpio"},
	"application/x-archive":             {closed, "ar"},
	"application/x-xar":                 {closed, "xar"},
	"application/x-installshield":       {closed, "cabinet"},
	"application/vnd.ms-cab-compressed": {closed, "cabinet"},
	"application/x-msaccess":            {closed, "Access database"},
	"application/vnd.ms-htmlhelp":       {closed, "compiled HTML help"},
	"application/onenote":               {closed, "OneNote"},
	"application/x-ms-reader":           {closed, "Microsoft Reader"},
	"application/x-coredump":            {closed, "core dump"},
	"application/vnd.tcpdump.pcap":      {closed, "network capture"},
	"application/vnd.fdf":               {closed, "PDF form data"},
	// Two bytes that anything may begin with tell these.
	"audio/aac":         {closed, "what may be AAC, or anything else,"},
	"application/marc":  {closed, "what may be MARC, or anything else,"},
	"application/cbor":  {closed, "CBOR"},
	"application/x-dbf": {closed, "what may be dBase, or anything else,"},
}

// installed are executable types that are archives not read here.
func installed(t string) bool {
	return t == "application/vnd.debian.binary-package" || t == "application/x-rpm" || t == "application/x-chrome-extension"
}

// isZip knows the types that are zip files inside.
func isZip(t string) bool {
	return t == typeZip || t == "application/java-archive" || t == "application/vnd.android.package-archive" || t == "application/epub+zip" ||
		strings.HasPrefix(t, "application/vnd.openxmlformats-") || strings.HasPrefix(t, "application/vnd.oasis.opendocument.") ||
		t == "application/vnd.google-earth.kmz" || t == "application/vnd.sun.xml.calc" || t == "application/vnd.ms-visio.drawing.main+xml"
}

// claimsTar reports whether a media type says that its content is a tar archive,
// compressed or not, as those of image layers do.
func claimsTar(mediaType string) bool {
	for _, sep := range []string{"+gzip", "+zstd", ".gzip", ".zstd", "+bzip2"} {
		mediaType = strings.TrimSuffix(mediaType, sep)
	}
	return strings.HasSuffix(mediaType, ".tar") || mediaType == typeTar || strings.HasSuffix(mediaType, "+tar")
}

func claimsEncrypted(mediaType string) bool { return strings.HasSuffix(mediaType, "+encrypted") }
