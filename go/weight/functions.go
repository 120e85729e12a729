package weight

import "bytes"

// readFunctions hands code and what the function table says about it to packages.
func (l *ledger) readFunctions() error {
	in, t, err := l.findTable()
	if err != nil {
		return err
	}
	data := t.data
	r := functionReader{ledger: l, table: t, in: in, code: l.named(".text"), tables: newSeen(len(data)), names: newSeen(len(data))}
	r.readNames()
	for i := range t.count {
		if err := r.read(i); err != nil {
			return err
		}
	}
	r.readFuncdata()
	return nil
}

// findTable finds the function table. A C linker that makes a program to be loaded
// anywhere (PIE) puts it among other data, up to Go 1.25.
func (l *ledger) findTable() (*section, *table, error) {
	if in := l.named(".gopclntab", ".data.rel.ro.gopclntab"); in != nil {
		data, err := l.read(in)
		if err != nil {
			return nil, nil, err
		}
		t, err := newTable(data)
		return in, t, err
	}
	in := l.named(".data.rel.ro")
	if in == nil {
		return nil, nil, ErrNoFunctions
	}
	data, err := l.read(in)
	if err != nil {
		return nil, nil, err
	}
	const aligned = 8
	for at := 0; at+16 <= len(data); at += aligned {
		if (data[at] != 0xff && data[at+3] != 0xff) || data[at+4]|data[at+5] != 0 {
			continue
		}
		if t, err := newTable(data[at:]); err == nil && t.count > 0 {
			return in, t, nil
		}
	}
	return nil, nil, ErrNoFunctions
}

// mostWork is how often a table's size may be looked at in all: in a sound one the
// pieces hardly overlap.
const mostWork = 4

// functionReader goes through the functions of a program.
type functionReader struct {
	*ledger
	*table
	in, code      *section
	tables, names seen
	details       details
	funcdata      []funcdata
	// end is where the last record of a function ends; work is the number of bytes
	// that were looked at.
	end, work uint64
}

// read counts one function.
func (r *functionReader) read(i uint64) error {
	f, err := r.function(i)
	if err != nil {
		return err
	}
	if err := r.table.details(f, &r.details); err != nil {
		return err
	}
	name := r.name(f.name)
	share := r.share(functionPackage(name))
	r.chargeCode(share, f.size)
	r.chargeTable(share, 2*r.field()+r.details.size)
	r.end = max(r.end, f.tab+r.details.size)
	r.work += r.details.size + uint64(len(name))
	if r.layout.names < 0 && r.names.add(f.name) {
		r.chargeTable(share, uint64(len(name))+1)
	}
	for _, offset := range r.details.lines {
		if offset == 0 || !r.tables.add(offset) {
			continue
		}
		size, err := r.lineTable(offset)
		if err != nil {
			return err
		}
		if r.work += size; r.work > mostWork*uint64(len(r.data)) {
			return errTable
		}
		r.chargeTable(share, size)
	}
	for _, at := range r.details.funcdata {
		r.funcdata = append(r.funcdata, funcdata{at, share})
	}
	if r.work > mostWork*uint64(len(r.data)) {
		return errTable
	}
	return nil
}

// readNames counts the names where they stand by themselves: since Go 1.16. There
// are more than functions, as inlined ones have names too.
func (r *functionReader) readNames() {
	names := r.data[r.nameTab:r.nameTabEnd]
	for len(names) > 0 {
		end := bytes.IndexByte(names, 0) + 1
		if end == 0 {
			return
		}
		if end > 1 {
			r.chargeTable(r.share(functionPackage(names[:end-1])), uint64(end)) // #nosec G115 -- not negative
		}
		names = names[end:]
	}
}

// readFuncdata counts stack maps and the like. They lie behind the functions since
// Go 1.26 and among the constants before.
func (r *functionReader) readFuncdata() {
	if len(r.funcdata) == 0 {
		return
	}
	lowest, highest := r.funcdata[0].at, r.funcdata[0].at
	for _, d := range r.funcdata {
		lowest, highest = min(lowest, d.at), max(highest, d.at)
	}
	in := r.in
	if r.wide || r.in.part != partFunctions || r.end+highest-lowest > uint64(len(r.data)) {
		in = r.named(".rodata")
	}
	sizeFuncdata(r.funcdata, func(share *Share, n uint64) {
		share.add(tableBytes(in.take(int64(n)))) // #nosec G115 -- at most longestFuncdata
	})
}

func (r *functionReader) chargeTable(share *Share, n uint64) {
	share.add(tableBytes(r.in.take(clip(n, r.size))))
}

func (r *functionReader) chargeCode(share *Share, n uint64) {
	n = uint64(r.code.take(clip(n, r.size)))          // #nosec G115 -- not negative
	share.add(Share{Bytes: int64(n), Code: int64(n)}) // #nosec G115 -- a part of the file's size
}

func tableBytes(n int64) Share { return Share{Bytes: n, Tables: n} }
