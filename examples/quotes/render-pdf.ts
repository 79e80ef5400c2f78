import PDFDocument from 'pdfkit'
import { amount, percent } from './amounts.ts'
import { type PricedLine, type PricedQuote, priceQuote } from './pricing.ts'
import { printable } from './printable.ts'
import type { Quote } from './quote.ts'

type Doc = PDFKit.PDFDocument

const margin = 50
const bottomY = 770
const pageWidth = 595.28
const columns = [
  { title: '#', x: 50, width: 22, align: 'left' },
  { title: 'SKU', x: 76, width: 78, align: 'left' },
  { title: 'Description', x: 158, width: 176, align: 'left' },
  { title: 'Qty', x: 338, width: 42, align: 'right' },
  { title: 'Unit price', x: 384, width: 62, align: 'right' },
  { title: 'Disc.', x: 450, width: 36, align: 'right' },
  { title: 'Amount', x: 488, width: 57, align: 'right' },
] as const

/**
 * Renders a quote as a PDF (A4, Helvetica, as many pages as it needs).
 *
 * The bytes are a function of the quote alone: dates and the file id derive from `issuedOn`, pdfkit formats dates in UTC,
 * and streams stay uncompressed, so that no version of a compressor can change them.
 *
 * @throws ValidationError when a text holds a character that the font cannot draw.
 */
export async function renderPdf(quote: Quote, priced: PricedQuote = priceQuote(quote)): Promise<Uint8Array> {
  const issuedAt = new Date(`${quote.issuedOn}T00:00:00Z`)
  const title = `Quote ${quote.number}`
  const doc = new PDFDocument({
    size: 'A4',
    margin,
    compress: false,
    bufferPages: true,
    lang: 'en',
    info: { Title: title, CreationDate: issuedAt, ModDate: issuedAt, Producer: 'Pawl quotes', Creator: 'Pawl quotes' },
  })
  const chunks: Uint8Array[] = []
  const finished = new Promise<void>((resolve, reject) => {
    doc.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    doc.on('end', resolve)
    doc.on('error', reject)
  })
  let y = heading(doc, quote, title)
  y = tableHead(doc, y)
  for (const [index, line] of priced.lines.entries()) y = tableRow(doc, y, index, line)
  y = totals(doc, y, quote, priced)
  if (quote.notes !== undefined && quote.notes !== '') notes(doc, y, printable(quote.notes, 'notes'))
  footers(doc, title)
  doc.end()
  await finished
  return new Uint8Array(Buffer.concat(chunks))
}

function heading(doc: Doc, quote: Quote, title: string): number {
  doc.font('Helvetica-Bold').fontSize(20).text(title, margin, margin)
  doc.font('Helvetica').fontSize(10).text(`Issued on ${quote.issuedOn}`).text(`Currency ${quote.currency}`).moveDown()
  doc.font('Helvetica-Bold').text(printable(quote.customer.name, 'customer.name')).font('Helvetica')
  for (const [index, line] of quote.customer.addressLines.entries())
    doc.text(printable(line, `customer.addressLines.${index}`))
  return doc.y + 18
}

function tableHead(doc: Doc, y: number): number {
  doc.font('Helvetica-Bold').fontSize(9)
  for (const { title, x, width, align } of columns) doc.text(title, x, y, { width, align, lineBreak: false })
  doc.font('Helvetica')
  return rule(doc, y + 14)
}

function tableRow(doc: Doc, y: number, index: number, line: PricedLine): number {
  const cells = [
    String(index + 1),
    printable(line.sku, `lines.${index}.sku`),
    printable(line.description, `lines.${index}.description`),
    String(line.quantity),
    amount(line.unitPriceCents),
    line.discountBasisPoints === 0 ? '' : percent(line.discountBasisPoints),
    amount(line.netCents),
  ]
  doc.fontSize(9)
  const texts = columns.map(({ width, align }, column) =>
    align === 'left' ? doc.heightOfString(cells[column] ?? '', { width }) : 0,
  )
  const height = Math.max(...texts)
  const top = y + height > bottomY ? tableHead(doc, nextPage(doc)) : y
  for (const [column, { x, width, align }] of columns.entries()) {
    const cell = cells[column] ?? ''
    // A number must stay on one line: a large amount is set smaller instead of being broken.
    doc.fontSize(9)
    if (align === 'right') doc.fontSize(Math.min(9, (9 * (width - 1)) / doc.widthOfString(cell)))
    doc.text(cell, x, top, { width, align })
  }
  return top + height + 5
}

function totals(doc: Doc, y: number, quote: Quote, priced: PricedQuote): number {
  const rows: [label: string, cents: number][] = [
    ...(priced.discountCents === 0 ? [] : [['Discounts included', priced.discountCents] as [string, number]]),
    ['Subtotal', priced.subtotalCents],
    [`Tax ${percent(quote.taxBasisPoints)}`, priced.taxCents],
  ]
  let top = rule(doc, y + rows.length * 14 + 50 > bottomY ? nextPage(doc) : y)
  doc.fontSize(10)
  for (const [label, cents] of rows) top = totalRow(doc, top, label, amount(cents))
  doc.font('Helvetica-Bold')
  top = totalRow(doc, top + 3, 'Total', `${amount(priced.totalCents)} ${quote.currency}`)
  doc.font('Helvetica')
  return top + 14
}

function totalRow(doc: Doc, y: number, label: string, value: string): number {
  doc.text(label, 300, y, { width: 110, align: 'right' }).text(value, 415, y, { width: 130, align: 'right' })
  return y + 14
}

// Notes flow over pages by pdfkit's own page breaks, since nothing has to be repeated above them.
function notes(doc: Doc, y: number, text: string): void {
  const top = y + 40 > bottomY ? nextPage(doc) : y
  doc.fontSize(9).text(text, margin, top, { width: pageWidth - 2 * margin })
}

function footers(doc: Doc, title: string): void {
  const { start, count } = doc.bufferedPageRange()
  for (let page = start; page < start + count; page += 1) {
    doc.switchToPage(page)
    // A text below the bottom margin would open a page of its own; the margin is taken away for the footer.
    doc.page.margins.bottom = 0
    const label = `${title}  Page ${page - start + 1} of ${count}`
    doc.fontSize(8).text(label, margin, 805, { width: pageWidth - 2 * margin, align: 'center', lineBreak: false })
  }
}

function nextPage(doc: Doc): number {
  doc.addPage()
  return margin
}

function rule(doc: Doc, y: number): number {
  doc
    .moveTo(margin, y)
    .lineTo(pageWidth - margin, y)
    .lineWidth(0.5)
    .stroke()
  return y + 6
}
